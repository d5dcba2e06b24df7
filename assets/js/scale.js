// Calm vertical scales: they grow at once when a trace would leave its place, and shrink rarely.

const FLOW_STEPS_LPM = [30, 40, 50, 60, 80, 100, 120, 180, 240, 360];
const FLOW_BELOW = 0.75; // expiration is drawn with less room than inspiration: it needs less
const SHRINK_AFTER_S = 60;

/** Largest value but one of one-second blocks over the window: a single spike does not rescale a trace. */
class Extremes {
  constructor(blocks) {
    this.high = new Float32Array(blocks).fill(-Infinity);
    this.low = new Float32Array(blocks).fill(Infinity);
    this.at = -1;
  }

  take(block, value) {
    const slot = block % this.high.length;
    if (block !== this.at) {
      this.at = block;
      this.high[slot] = -Infinity;
      this.low[slot] = Infinity;
    }
    if (value > this.high[slot]) this.high[slot] = value;
    if (value < this.low[slot]) this.low[slot] = value;
  }

  /** The second largest and second smallest block; the only ones while there are few. */
  range() {
    let [top, second, bottom, above] = [-Infinity, -Infinity, Infinity, Infinity];
    for (const value of this.high) {
      if (value > top) [second, top] = [top, value];
      else if (value > second) second = value;
    }
    for (const value of this.low) {
      if (value < bottom) [above, bottom] = [bottom, value];
      else if (value < above) above = value;
    }
    return [Number.isFinite(above) ? above : bottom, Number.isFinite(second) ? second : top];
  }
}

class CalmScale {
  constructor(windowSeconds) {
    this.windowSeconds = windowSeconds;
    this.clear();
  }

  clear() {
    this.extremes = new Extremes(this.windowSeconds);
    this.changedAt = 0;
    this.block = -1;
    this.fresh = true;
  }

  /** Feed one value of second `block`; the scale itself is looked at once for each second of signal. */
  take(block, value) {
    this.extremes.take(block, value);
  }

  /** True when the range changed: the trace must be drawn again. */
  settle(block) {
    if (block === this.block) return false;
    this.block = block;
    const [low, high] = this.extremes.range();
    if (!Number.isFinite(low) || !Number.isFinite(high)) return false;
    if (this.fresh) {
      this.fresh = false;
      Object.assign(this, this.fit(low, high, 1.05));
      this.changedAt = block;
      return true;
    }
    const wanted = this.fit(low, high, 1);
    const grows = wanted.low < this.low || wanted.high > this.high;
    const roomy = this.fit(low, high, 1.2);
    const shrinks = roomy.high - roomy.low < this.high - this.low && block - this.changedAt >= SHRINK_AFTER_S;
    if (!grows && !shrinks) return false;
    this.changedAt = block;
    Object.assign(this, grows ? this.fit(low, high, 1.05) : roomy);
    return true;
  }
}

export class FlowScale extends CalmScale {
  constructor(windowSeconds) {
    super(windowSeconds);
    Object.assign(this, this.fit(0, 0, 1));
  }

  fit(low, high, margin) {
    const needed = margin * Math.max(high, -low / FLOW_BELOW);
    const step = FLOW_STEPS_LPM.find((size) => size * 1.08 >= needed) ?? FLOW_STEPS_LPM.at(-1);
    return { low: -step * FLOW_BELOW * 1.12, high: step * 1.12, ticks: [-step / 2, 0, step / 2, step] };
  }
}

export class PressureScale extends CalmScale {
  constructor(windowSeconds) {
    super(windowSeconds);
    Object.assign(this, this.fit(4, 14, 1));
  }

  fit(low, high, margin) {
    const slack = 0.5 * margin;
    const bottom = Math.max(0, 5 * Math.floor((low - slack) / 5));
    const top = Math.max(bottom + 10, 5 * Math.ceil((high + slack) / 5));
    const ticks = [];
    const step = top - bottom > 20 ? 10 : 5;
    for (let tick = bottom; tick <= top; tick += step) ticks.push(tick);
    return { low: bottom - 0.4, high: top + 0.4, ticks };
  }
}
