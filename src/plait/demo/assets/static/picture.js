// The picture: a canvas that tiles are drawn on as they come, and that answers to pointing.

import { colourAt } from "./scale.js";

export class Picture {
  constructor(canvas, onPoint) {
    this.canvas = canvas;
    this.paint = canvas.getContext("2d");
    this.columns = Number(canvas.dataset.columns);
    this.rows = Number(canvas.dataset.rows);
    this.size = Number(canvas.dataset.tile);
    this.tiles = new Map();
    this.tinted = false;
    this.chosen = null;
    this.onPoint = onPoint;
    canvas.addEventListener("pointermove", (event) => this.pointAt(event));
    canvas.addEventListener("pointerdown", (event) => this.pointAt(event));
    canvas.addEventListener("pointerleave", () => this.choose(null));
    canvas.addEventListener("blur", () => this.choose(null));
    canvas.addEventListener("keydown", (event) => this.step(event));
  }

  clear() {
    this.tiles.clear();
    this.chosen = null;
    this.paint.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.paint.fillStyle = "rgb(255 255 255 / 6%)";
    for (let row = 0; row < this.rows; row += 1) {
      for (let column = 0; column < this.columns; column += 1) {
        const { size } = this;
        this.paint.fillRect(column * size + 1, row * size + 1, size - 2, size - 2);
      }
    }
  }

  add(tile) {
    this.tiles.set(`${tile.column},${tile.row}`, tile);
    this.draw(tile);
  }

  tint(on) {
    this.tinted = on;
    this.redraw();
  }

  redraw() {
    for (const tile of this.tiles.values()) this.draw(tile);
    if (this.chosen) this.frame(this.chosen);
  }

  draw(tile) {
    const [x, y] = [tile.column * this.size, tile.row * this.size];
    this.paint.drawImage(tile.bitmap, x, y);
    if (this.tinted && tile.share !== undefined) {
      this.paint.globalAlpha = 0.78;
      this.paint.fillStyle = colourAt(tile.share);
      this.paint.fillRect(x, y, this.size, this.size);
      this.paint.globalAlpha = 1;
    }
  }

  frame(tile) {
    const { size, paint } = this;
    paint.lineWidth = 4;
    paint.strokeStyle = "#fff";
    paint.strokeRect(tile.column * size + 2, tile.row * size + 2, size - 4, size - 4);
  }

  pointAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
    this.choose(this.tiles.get(`${column},${row}`) ?? null);
  }

  step(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const from = this.chosen ?? { column: -move[0], row: -move[1] };
    const column = Math.min(Math.max(from.column + move[0], 0), this.columns - 1);
    const row = Math.min(Math.max(from.row + move[1], 0), this.rows - 1);
    this.choose(this.tiles.get(`${column},${row}`) ?? null);
  }

  choose(tile) {
    if (tile === this.chosen) return;
    if (this.chosen) this.draw(this.chosen);
    this.chosen = tile;
    if (tile) this.frame(tile);
    this.onPoint(tile);
  }
}
