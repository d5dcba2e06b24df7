// A live trace: the last window of samples in a ring, drawn from left to right behind an erase bar.
// Only what is new gets painted; the whole is drawn again after a change of size, scale or colour alone.

export const WINDOW_S = 30;
const OVERPAINT = 3; // samples painted again, so that joints and line caps meet

export class Trace {
  constructor(canvas, scale, { width = 2, unit = 0.1 } = {}) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.scale = scale;
    this.lineWidth = width;
    this.unit = unit; // of the integers on the wire
    this.color = "";
    this.cursorColor = null;
    this.origin = 0; // the sample at the left edge, in whole windows
    this.isStill = false;
    this.width = 0;
    this.height = 0;
    this.start(null, 25);
  }

  start(epoch, rate) {
    this.epoch = epoch;
    this.rate = rate > 0 ? rate : 25;
    this.size = Math.max(2, Math.round(WINDOW_S * this.rate));
    this.values = new Float32Array(this.size).fill(NaN);
    this.first = null; // index of the first sample ever seen of this epoch
    this.next = 0;
    this.painted = 0;
    this.whole = true;
    this.scale.clear();
  }

  /** Take samples `first`...; what was skipped is a gap, what is known already is left out. */
  append(epoch, first, samples, rate) {
    if (epoch !== this.epoch || (rate && rate !== this.rate)) this.start(epoch, rate ?? this.rate);
    if (this.first === null) {
      this.first = first;
      this.next = first;
      this.painted = first;
    }
    for (let index = Math.max(this.next, first - this.size); index < first; index++) this.values[index % this.size] = NaN;
    for (let i = Math.max(0, this.next - first); i < samples.length; i++) {
      const index = first + i;
      const value = samples[i] * this.unit;
      this.values[index % this.size] = value;
      if (value === value) this.scale.take(Math.floor(index / this.rate), value);
    }
    this.next = Math.max(this.next, first + samples.length);
    if (this.scale.settle(Math.floor(this.next / this.rate))) this.whole = true;
  }

  /** What it holds, as `append` takes it: for a larger trace of the same samples. */
  get samples() {
    const first = Math.max(this.first ?? 0, this.next - this.size);
    const count = this.first === null ? 0 : this.next - first;
    const values = Array.from({ length: count }, (_, i) => this.values[(first + i) % this.size] / this.unit);
    return { epoch: this.epoch, first, values, rate: this.rate };
  }

  setColor(color, cursorColor) {
    if (color === this.color && cursorColor === this.cursorColor) return;
    this.color = color;
    this.cursorColor = cursorColor;
    this.whole = true;
  }

  resize(width, height, ratio) {
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio });
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.whole = true;
  }

  /** Show the last window from its oldest sample to its newest, as a recording that is looked through; or sweep on. */
  hold(still) {
    if (still === this.isStill && (!still || this.origin === this.next % this.size)) return;
    this.isStill = still;
    if (still) this.origin = this.next % this.size;
    this.whole = true;
  }

  /** Samples from the left edge. */
  column(index) {
    return (index - this.origin + this.size) % this.size;
  }

  x(index) {
    return (this.column(index) / this.size) * this.width;
  }

  y(value) {
    const { low, high } = this.scale;
    const inside = Math.min(high, Math.max(low, value));
    return ((high - inside) / (high - low)) * this.height;
  }

  /** Width of the erase bar, in samples. */
  get erase() {
    if (this.isStill) return 0;
    return Math.ceil(Math.max(0.9 * this.rate, (9 / Math.max(1, this.width)) * this.size));
  }

  /** The oldest sample that is still on the screen. */
  get oldest() {
    return Math.max(this.first ?? 0, this.next - this.size + this.erase);
  }

  /** Whether a sample is on the screen. */
  shows(index) {
    return index >= this.oldest && index < this.next;
  }

  get dirty() {
    return this.whole || this.painted !== this.next;
  }

  paint() {
    if (!this.dirty || this.width < 2 || this.height < 2) return false;
    const ink = this.context;
    const missed = this.next - this.painted;
    const whole = this.whole || missed > this.size / 2;
    ink.lineWidth = this.lineWidth;
    ink.lineJoin = "round";
    ink.lineCap = "round";
    ink.strokeStyle = this.color;
    const from = whole ? this.oldest : Math.max(this.oldest, this.painted - OVERPAINT);
    ink.save();
    if (whole) ink.clearRect(0, 0, this.width, this.height);
    else this.clip(from, this.next + this.erase);
    if (this.first !== null) this.stroke(whole ? from : Math.max(this.oldest, from - OVERPAINT), this.next);
    ink.restore();
    if (this.first !== null && this.cursorColor) {
      ink.fillStyle = this.cursorColor;
      ink.fillRect(Math.min(this.x(this.next), this.width - 2), 0, 1.5, this.height);
    }
    this.painted = this.next;
    this.whole = false;
    return whole;
  }

  /** Clear and open for painting the columns of samples a to b, around the right edge if need be. */
  clip(a, b) {
    const ink = this.context;
    // On whole pixels of the screen: half-cleared columns would show as nicks.
    const left = Math.floor(this.x(a) * this.ratio) / this.ratio;
    const right = Math.ceil((this.x(a) + ((b - a) / this.size) * this.width) * this.ratio) / this.ratio;
    ink.beginPath();
    ink.clearRect(left, 0, right - left, this.height);
    ink.rect(left, 0, right - left, this.height);
    if (right > this.width) {
      ink.clearRect(0, 0, right - this.width, this.height);
      ink.rect(0, 0, right - this.width, this.height);
    }
    ink.clip();
  }

  stroke(a, b) {
    const ink = this.context;
    let down = false;
    let previous = NaN;
    ink.beginPath();
    for (let index = a; index < b; index++) {
      const value = this.values[index % this.size];
      const column = this.column(index);
      if (value !== value) {
        down = false;
        previous = NaN;
        continue;
      }
      if (column === 0 && down) ink.lineTo(this.width, this.y(value));
      if (down && column !== 0) ink.lineTo(this.x(index), this.y(value));
      else {
        // Around the edge the line goes on at the left, from a column outside.
        if (column === 0 && previous === previous) ink.moveTo(-this.width / this.size, this.y(previous));
        else ink.moveTo(this.x(index), this.y(value));
        ink.lineTo(this.x(index) + 0.01, this.y(value));
      }
      down = true;
      previous = value;
    }
    ink.stroke();
  }
}

/** The colours a canvas needs, read from the tokens once for each mount and theme. */
export function readColors(root) {
  const style = getComputedStyle(root);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    flow: color("flow"),
    pressure: color("pressure"),
    old: color("trace-old"),
    span: color("span"),
    spanEdge: color("span-edge"),
    grid: color("grid"),
    edge: color("edge"),
    text: color("text"),
    secondary: color("secondary"),
    tile: color("tile"),
  };
}
