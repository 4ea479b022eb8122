// The response that comes in slowly: shown piece by piece, as the stream brings it.

import { milliseconds } from "./scale.js";

export async function follow(box, note, signal) {
  const start = performance.now();
  const arrivals = [];
  box.textContent = "";
  note.textContent = "";
  const response = await fetch("/slow?lines=16&interval=200", { cache: "no-store", signal });
  const stream = response.headers.get("x-plait-stream");
  const connection = response.headers.get("x-plait-connection");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    arrivals.push(performance.now() - start);
    const seconds = (arrivals.at(-1) / 1000).toFixed(1);
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    box.append(`${seconds} s  ${value}`);
    if (follows) box.scrollTop = box.scrollHeight;
    note.textContent = `Stream ${stream} of connection ${connection}: ${arrivals.length} pieces so far.`;
  }
  const total = milliseconds(arrivals.at(-1) ?? 0);
  note.textContent = `Stream ${stream} of connection ${connection}: ${arrivals.length} pieces in ${total}, all of them one response.`;
  return { stream: Number(stream), connection: Number(connection), arrivals };
}
