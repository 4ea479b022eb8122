// Fetches the tiles, all at once, and notes what the network did for each.

let run = 0;

// Addresses of one run are never used again, so that an entry of the browser's resource
// timing belongs to one tile of one run.
export function plan({ columns, rows, delay, order }) {
  run += 1;
  const tiles = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const wait = delay === "mixed" ? 20 + Math.floor(Math.random() * 781) : Number(delay);
      const url = new URL(`/tile/${column}-${row}.webp?delay=${wait}&run=${run}`, location.href);
      tiles.push({ column, row, wait, url: url.href });
    }
  }
  return arranged(tiles, order, columns, rows);
}

function arranged(tiles, order, columns, rows) {
  if (order === "centre") {
    const distance = (t) => Math.hypot(t.column - (columns - 1) / 2, t.row - (rows - 1) / 2);
    return tiles.sort((a, b) => distance(a) - distance(b));
  }
  if (order === "shuffled") {
    for (let i = tiles.length - 1; i > 0; i -= 1) {
      const j = Math.floor(Math.random() * (i + 1));
      [tiles[i], tiles[j]] = [tiles[j], tiles[i]];
    }
  }
  return tiles;
}

export async function load(tiles, onTile) {
  // the first run leaves the entries of the page's own resources, which ahead.js reads
  if (run > 1) performance.clearResourceTimings();
  performance.setResourceTimingBufferSize(tiles.length + 500);
  const start = performance.now();
  await Promise.all(tiles.map((tile) => fetchTile(tile, onTile)));
  const timings = await timingsOf(tiles);
  for (const tile of tiles) addTiming(tile, timings.get(tile.url), start);
  return tiles;
}

async function fetchTile(tile, onTile) {
  tile.asked = performance.now();
  const response = await fetch(tile.url, { cache: "no-store" });
  if (!response.ok) throw new Error(`tile ${tile.column}, ${tile.row}: status ${response.status}`);
  tile.connection = Number(response.headers.get("x-plait-connection"));
  tile.stream = Number(response.headers.get("x-plait-stream"));
  tile.inFlight = Number(response.headers.get("x-plait-in-flight"));
  const bitmap = await createImageBitmap(await response.blob());
  tile.arrived = performance.now();
  tile.bitmap = bitmap;
  onTile(tile);
}

// The entries come a little after the responses; wait for the last of them, not for long.
async function timingsOf(tiles) {
  const wanted = new Set(tiles.map((tile) => tile.url));
  for (let tries = 0; ; tries += 1) {
    const entries = performance.getEntriesByType("resource").filter((e) => wanted.has(e.name));
    if (entries.length >= wanted.size || tries === 40) {
      return new Map(entries.map((entry) => [entry.name, entry]));
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

// The browser's own clock where it tells; the script's, which also waits for the script's
// turn, where it doesn't. Times count from the start of the run.
function addTiming(tile, entry, start) {
  tile.protocol = entry?.nextHopProtocol || "not told";
  const told = Boolean(entry?.responseEnd);
  tile.asked = (told ? entry.requestStart || entry.startTime : tile.asked) - start;
  tile.answered = (told ? entry.responseStart || entry.responseEnd : tile.arrived) - start;
  tile.arrived = told ? entry.responseEnd - start : tile.arrived - start;
}
