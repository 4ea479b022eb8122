// Wires the parts of the page together. What it found is left in `window.plaitDemo`.

import { tell } from "./ahead.js";
import { Picture } from "./picture.js";
import { milliseconds } from "./scale.js";
import { follow } from "./slow.js";
import { load, plan } from "./tiles.js";
import { Waterfall } from "./waterfall.js";

const HTTP1_CONNECTIONS = 6; // what browsers open to one server
const $ = (id) => document.getElementById(id);

const controls = $("controls");
const invitation = $("readout").textContent;
const waterfallText = $("waterfall-readout").textContent;
const picture = new Picture($("picture"), (tile) => {
  $("readout").textContent = tile ? described(tile) : invitation;
});
const waterfall = new Waterfall($("waterfall"), (tile) => {
  $("waterfall-readout").textContent = tile ? described(tile) : waterfallText;
});
let slowStop = new AbortController();

function described(tile) {
  const where = `Tile ${tile.column + 1}, ${tile.row + 1}`;
  if (tile.protocol === undefined) return `${where} has arrived; the rest is still on its way.`;
  return (
    `${where}: ${tile.protocol}, connection ${tile.connection}, stream ${tile.stream}, asked at ` +
    `${milliseconds(tile.asked)}, arrived at ${milliseconds(tile.arrived)}, with ${tile.inFlight} requests open.`
  );
}

function report(tiles) {
  const first = Math.min(...tiles.map((tile) => tile.arrived));
  const total = Math.max(...tiles.map((tile) => tile.arrived));
  for (const tile of tiles) tile.share = (tile.arrived - first) / (total - first || 1);
  const connections = [...new Set(tiles.map((tile) => tile.connection))];
  const protocols = [...new Set(tiles.map((tile) => tile.protocol))];
  const streams = new Set(tiles.map((tile) => tile.stream));
  const inFlight = Math.max(...tiles.map((tile) => tile.inFlight));
  $("fact-protocol").textContent = protocols.join(", ");
  $("fact-connections").textContent = connections.length;
  $("fact-connection").textContent = connections.length === 1 ? `(number ${connections[0]})` : "";
  $("fact-streams").textContent = streams.size;
  $("fact-stream-range").textContent = `${Math.min(...streams)} – ${Math.max(...streams)}`;
  $("fact-flight").textContent = inFlight;
  $("fact-total").textContent = milliseconds(total);
  say(`${tiles.length} tiles arrived in ${milliseconds(total)}.`, "spoken");
  compare(tiles, total);
  return { total, inFlight, connections, protocols };
}

// What the facts show anyway is only spoken; a failure is also shown.
function say(text, how) {
  $("status").className = how;
  $("status").textContent = text;
}

function reset() {
  for (const name of ["protocol", "connections", "streams", "flight", "total"]) {
    $(`fact-${name}`).textContent = "…";
  }
  for (const name of ["fact-connection", "fact-stream-range"]) $(name).textContent = "";
  $("fact-tiles").textContent = 0;
  $("progress").style.setProperty("--done", 0);
  say("Loading the tiles …", "spoken");
  picture.clear();
}

function compare(tiles, total) {
  const delays = tiles.reduce((sum, tile) => sum + tile.wait, 0);
  // whole rounds when all wait alike; otherwise an even share, which favours HTTP/1.1
  const alike = tiles.every((tile) => tile.wait === tiles[0].wait);
  const computed = alike
    ? Math.ceil(tiles.length / HTTP1_CONNECTIONS) * tiles[0].wait
    : delays / HTTP1_CONNECTIONS;
  const longest = Math.max(total, computed);
  $("bar-measured").style.setProperty("--share", total / longest);
  $("bar-computed").style.setProperty("--share", computed / longest);
  $("bar-measured-text").textContent = milliseconds(total);
  $("bar-computed-text").textContent = computed ? `≥ ${milliseconds(computed)}` : "no delay, no sum";
  const share = alike ? `${tiles.length} tiles ÷ 6 connections × ${tiles[0].wait} ms` : "the sum of the delays ÷ 6 connections";
  $("compare-note").textContent = computed
    ? `The second bar is arithmetic, not a measurement: ${share}, as if the network itself took no time.`
    : "Choose a delay to compare: without one, both are a matter of the network alone.";
}

async function run() {
  const form = new FormData(controls);
  const tiles = plan({
    columns: picture.columns,
    rows: picture.rows,
    delay: form.get("delay"),
    order: form.get("order"),
  });
  controls.querySelector("button").disabled = true;
  reset();
  slowStop.abort();
  slowStop = new AbortController();
  const slow = follow($("slow"), $("slow-note"), slowStop.signal).catch((fault) => {
    if (fault.name !== "AbortError") $("slow-note").textContent = `The stream broke: ${fault.message}`;
    return null;
  });
  let arrived = 0;
  try {
    await load(tiles, (tile) => {
      arrived += 1;
      picture.add(tile);
      $("fact-tiles").textContent = arrived;
      $("progress").style.setProperty("--done", arrived / tiles.length);
    });
    const found = report(tiles);
    picture.redraw();
    waterfall.show(tiles);
    return { ...found, tiles: tiles.map(({ bitmap, ...rest }) => rest), slow };
  } catch (fault) {
    say(`Not all tiles arrived: ${fault.message}`, "quiet");
    throw fault;
  } finally {
    controls.querySelector("button").disabled = false;
  }
}

controls.addEventListener("submit", (event) => {
  event.preventDefault();
  window.plaitDemo.run = run();
});
controls.elements.tint.addEventListener("change", (event) => picture.tint(event.target.checked));
for (const place of document.querySelectorAll(".origin")) place.textContent = location.origin;

window.plaitDemo = { ahead: tell($("ahead"), $("ahead-badge"), $("ahead-text")), run: run() };
