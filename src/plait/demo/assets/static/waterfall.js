// The waterfall: one line for each tile, from its request to its arrival.

import { colourAt, milliseconds } from "./scale.js";

const AXIS = 22; // height of the time axis, in CSS pixels

export class Waterfall {
  constructor(canvas, onPoint) {
    this.canvas = canvas;
    this.paint = canvas.getContext("2d");
    this.tiles = [];
    this.onPoint = onPoint;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    canvas.addEventListener("pointermove", (event) => this.pointAt(event));
    canvas.addEventListener("pointerdown", (event) => this.pointAt(event));
    canvas.addEventListener("pointerleave", () => onPoint(null));
  }

  show(tiles) {
    this.tiles = [...tiles].sort((a, b) => a.stream - b.stream);
    this.end = Math.max(...tiles.map((tile) => tile.arrived)) * 1.02;
    const last = milliseconds(this.end / 1.02);
    this.canvas.setAttribute(
      "aria-label",
      `${tiles.length} lines, one for each tile, from its request to its arrival; the last came after ${last}`,
    );
    this.draw();
  }

  draw() {
    const { paint, canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (!this.tiles.length) return;
    const style = getComputedStyle(canvas);
    this.drawAxis(width, height, style);
    const step = (height - AXIS) / this.tiles.length;
    const waiting = style.getPropertyValue("--waiting");
    this.tiles.forEach((tile, line) => {
      const from = this.place(tile.asked, width);
      const room = Math.max(this.place(tile.arrived, width) - from, 1);
      paint.fillStyle = waiting;
      paint.fillRect(from, AXIS + line * step, room, step + 0.5);
    });
    this.tiles.forEach((tile, line) => {
      paint.fillStyle = colourAt(tile.share);
      paint.fillRect(this.place(tile.arrived, width) - 4, AXIS + line * step - 0.5, 8, step + 1);
    });
  }

  drawAxis(width, height, style) {
    const { paint } = this;
    paint.font = `12px ${style.fontFamily}`;
    paint.textBaseline = "top";
    const step = niceStep(this.end / Math.max(2, Math.floor(width / 110)));
    for (let time = 0; time < this.end; time += step) {
      const x = this.place(time, width);
      paint.fillStyle = style.getPropertyValue("--edge");
      paint.fillRect(x, AXIS - 4, 1, height - AXIS + 4);
      paint.fillStyle = style.color;
      const label = time === 0 ? "0" : `${Math.round(time).toLocaleString("en")} ms`;
      const room = paint.measureText(label).width;
      if (x + room < width) paint.fillText(label, time === 0 ? x : x - room / 2, 0);
    }
  }

  place(time, width) {
    return (Math.max(time, 0) / this.end) * (width - 8);
  }

  pointAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = (event.clientY - box.top - AXIS) / (box.height - AXIS);
    this.onPoint(this.tiles[Math.floor(share * this.tiles.length)] ?? null);
  }
}

function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least);
}
