// What the tests see of a page, by the page's own clock: put into every page before its scripts.
window.probe = {
  /** All elements that match, in shadow roots too. */
  all(selector, root = document) {
    const found = [...root.querySelectorAll(selector)];
    for (const host of root.querySelectorAll("*")) if (host.shadowRoot) found.push(...this.all(selector, host.shadowRoot));
    return found;
  },

  one(selector) {
    return this.all(selector)[0] ?? null;
  },

  text(selector) {
    return this.one(selector)?.textContent.trim() ?? null;
  },

  /** What a person reads off the page now. */
  seen() {
    const shown = (el) => el && el.getClientRects().length > 0;
    const words = (el) => (shown(el) ? el.textContent.trim() : "");
    const tiles = {};
    for (const tile of this.all(".tile")) {
      const within = (name) => tile.querySelector(name);
      tiles[within(".tile-room").textContent] = {
        name: words(within(".tile-name")),
        pressure: words(within(".tile-pressure .figure")),
        figures: [...tile.querySelectorAll(".number .figure")].map(words),
        total: words(within(".of")),
        grey: tile.classList.contains("old"),
        band: words(within(".band")),
        note: words(within(".note")),
      };
    }
    const page = this.one(".bw");
    return {
      tiles,
      figures: this.all(".figure").filter(shown).map((el) => el.textContent),
      grey: page ? page.classList.contains("lost") || page.classList.contains("old") : false,
      bands: this.all(".page-band").filter(shown).map((el) => el.textContent.trim()),
      pill: words(this.one(".live-pill")),
      fate: words(this.one(".fate")),
      note: words(this.one(".plot .note")),
    };
  },

  /** The samples that the page holds of a room, from index `first` on; null is a gap. */
  samples(room) {
    const trace = this.one(".bw").breathwatch.trace(room);
    if (!trace || trace.first === null) return { first: 0, values: [] };
    const first = Math.max(trace.first, trace.next - trace.size);
    const values = [];
    for (let index = first; index < trace.next; index++) {
      const value = trace.values[index % trace.size];
      values.push(value === value ? value : null);
    }
    return { first, values };
  },

  log: [],

  /** Keep what is seen, with the time, whenever it changes. */
  record() {
    let last = "";
    setInterval(() => {
      const seen = this.seen();
      const text = JSON.stringify(seen);
      if (text === last) return;
      last = text;
      this.log.push([Date.now() / 1000, seen]);
    }, 40);
  },

  /** For each column of pixels of a canvas: the middle of what is painted in it, null where nothing is. */
  columns(canvas) {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const middles = [];
    for (let x = 0; x < width; x++) {
      let [weight, sum, top, bottom] = [0, 0, height, -1];
      for (let y = 0; y < height; y++) {
        const alpha = data[4 * (y * width + x) + 3];
        if (alpha < 30) continue;
        weight += alpha;
        sum += alpha * y;
        top = Math.min(top, y);
        bottom = y;
      }
      // The sweep's cursor fills its column from top to bottom.
      middles.push(weight === 0 || bottom - top > 0.95 * height ? null : { middle: sum / weight, top, bottom });
    }
    return { width, height, middles };
  },
};
window.probe.record();
