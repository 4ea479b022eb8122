// Says which way the drawing came: pushed, hinted and taken up, or only hinted.

import { milliseconds } from "./scale.js";

export async function tell(image, badge, text) {
  if (!image.complete) await new Promise((done) => image.addEventListener("load", done, { once: true }));
  const { delivery, pushedOn } = image.dataset;
  const thinking = Number(image.dataset.thinking);
  if (delivery === "pushed") {
    badge.textContent = "Pushed";
    text.textContent =
      `This client has push switched on, so the server sent the drawing unasked, on stream ${pushedOn}, ` +
      "before the page that shows it.";
    return { delivery };
  }
  const waited = await afterHint(image.currentSrc || image.src);
  const used = waited !== undefined && waited < thinking;
  badge.textContent = used ? "Hinted, and taken up" : "Hinted";
  text.textContent =
    "Browsers have server push switched off, and the server saw that in your browser’s settings. So it sent " +
    `103 Early Hints that name this drawing, and the page ${thinking} ms later. ${outcome(used, waited, thinking)}`;
  return { delivery, used, waited };
}

// What the server measured: from its hint to the request for the drawing. The browser's own
// timing begins when the page takes the drawing from the cache, so it can't tell.
async function afterHint(address) {
  for (let tries = 0; tries < 40; tries += 1) {
    const timings = performance.getEntriesByName(address, "resource").flatMap((e) => e.serverTiming ?? []);
    const hint = timings.find((timing) => timing.name === "hint");
    if (hint) return hint.duration;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return undefined;
}

function outcome(used, waited, thinking) {
  if (!used) return "This time your browser did not act on the hint: it asked for the drawing when it saw the page.";
  return (
    `By the server’s clock, your browser asked for the drawing ${milliseconds(waited)} after the hint: ` +
    `${milliseconds(thinking - waited)} before the page was sent.`
  );
}
