// Says which way the drawing came: pushed, hinted and taken up, or only hinted.

import { milliseconds } from "./scale.js";

export async function tell(image, badge, text) {
  if (!image.complete) await new Promise((done) => image.addEventListener("load", done, { once: true }));
  const entries = performance.getEntriesByName(image.currentSrc || image.src, "resource");
  const early = entries.find((entry) => entry.initiatorType === "early-hints");
  const [page] = performance.getEntriesByType("navigation");
  const hinted = page?.firstInterimResponseStart || early?.startTime || 0;
  const { delivery, pushedOn, thinking } = image.dataset;
  if (delivery === "pushed") {
    badge.textContent = "Pushed";
    text.textContent =
      `This client has push switched on, so the server sent the drawing unasked, on stream ${pushedOn}, ` +
      "before the page that shows it.";
    return { delivery, used: true };
  }
  badge.textContent = early ? "Hinted, and taken up" : "Hinted";
  const off = "Browsers have server push switched off, and the server saw that in your browser's settings. So it sent ";
  const what = `103 Early Hints that name this drawing, and ${thinking} ms later the page. `;
  text.textContent = off + what + outcome(early, page, hinted);
  return { delivery, used: Boolean(early), hinted, page: page?.finalResponseHeadersStart };
}

function outcome(early, page, hinted) {
  if (!early) return "Your browser did not act on the hint, and fetched the drawing when the page asked for it.";
  const came = page.finalResponseHeadersStart || page.responseEnd;
  return (
    `Your browser got the hint ${milliseconds(hinted)} after it asked for the page, had the drawing at ` +
    `${milliseconds(early.responseEnd)}, and the page itself began at ${milliseconds(came)}.`
  );
}
