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
  const hint = await measured(image.currentSrc || image.src);
  const used = hint !== undefined && hint.duration < thinking;
  const again = used && hint.description !== "1";
  badge.textContent = used ? "Hinted, and taken up" : "Hinted";
  text.textContent =
    "Browsers have server push switched off, and the server saw that in your browser’s settings. So it sent " +
    `103 Early Hints that name this drawing, and the page ${thinking} ms later. ` +
    (used ? taken(hint.duration, thinking) : "This time your browser asked for the drawing only when it saw the page.") +
    (again ? " It then asked again: browsers keep nothing from a site whose certificate they don’t trust." : "");
  return { delivery, used, again, waited: hint?.duration };
}

// What the server measured: from its hint to the first request for the drawing, and which
// request this was. The browser's own timing begins when the page takes the drawing from
// the cache, so it can't tell.
async function measured(address) {
  for (let tries = 0; tries < 40; tries += 1) {
    const timings = performance.getEntriesByName(address, "resource").flatMap((e) => e.serverTiming ?? []);
    const hint = timings.findLast((timing) => timing.name === "hint");
    if (hint) return hint;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return undefined;
}

function taken(waited, thinking) {
  return (
    `By the server’s clock, your browser asked for the drawing ${milliseconds(waited)} after the hint: ` +
    `${milliseconds(thinking - waited)} before the page was sent.`
  );
}
