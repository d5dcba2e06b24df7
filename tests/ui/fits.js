// What does not fit on a page: scrollbars, text outside its box, cut off, too small, or over other text.
() => {
  const faults = [];
  const shown = (el) => el.checkVisibility({ visibilityProperty: true }) && el.getClientRects().length > 0;
  const name = (el) => `${el.className || el.tagName} "${el.textContent.trim().slice(0, 40)}"`;
  const page = document.scrollingElement;
  if (page.scrollHeight > innerHeight || page.scrollWidth > innerWidth) faults.push("the page scrolls");
  const SHORTENED = ".tile-name, .note, .band-text, .room-name, .room-meta, .event-text, .event-detail, .bar-title, .event-list *, .night-who, .recording-row *";

  const texts = [];
  const walk = (root) => {
    for (const el of root.querySelectorAll("*")) {
      if (el.shadowRoot) walk(el.shadowRoot);
      const own = [...el.childNodes].filter((child) => child.nodeType === 3 && child.textContent.trim());
      if (own.length && shown(el) && !el.closest(".unseen, script, style, noscript, [hidden]")) texts.push([el, own]);
      const { overflowX, overflowY } = getComputedStyle(el);
      const bars = overflowX === "auto" || overflowX === "scroll" || overflowY === "auto" || overflowY === "scroll";
      if (bars && shown(el) && !el.matches(".event-list") && (el.scrollHeight > el.clientHeight + 1 || el.scrollWidth > el.clientWidth + 1)) {
        faults.push(`${name(el)} scrolls`);
      }
    }
  };
  walk(document);

  const boxes = [];
  for (const [el, own] of texts) {
    const size = parseFloat(getComputedStyle(el).fontSize);
    if (size < 12.95) faults.push(`${name(el)} is ${size} px`);
    const range = document.createRange();
    range.setStartBefore(own[0]);
    range.setEndAfter(own.at(-1));
    const box = range.getBoundingClientRect();
    if (box.width === 0) continue;
    const holder = el.closest(".tile, .panel, .bar, .band, .welcome") ?? el;
    const frame = holder.getBoundingClientRect();
    const inside = (outer) => box.left >= outer.left - 1 && box.right <= outer.right + 1 && box.top >= outer.top - 2 && box.bottom <= outer.bottom + 2;
    const mayShorten = el.matches(SHORTENED) || el.closest(".tile-who");
    if (!mayShorten && !inside(frame)) faults.push(`${name(el)} leaves its ${holder.className}`);
    if (!mayShorten && getComputedStyle(el).overflow !== "visible" && el.scrollWidth > el.clientWidth + 1) faults.push(`${name(el)} is cut off`);
    if (!el.closest(".event-list") && !inside({ left: 0, top: 0, right: innerWidth, bottom: innerHeight }) && !mayShorten) {
      faults.push(`${name(el)} is off the screen`);
    }
    const clip = getComputedStyle(el).overflow === "hidden" ? el.getBoundingClientRect() : box;
    boxes.push({ el, holder, left: Math.max(box.left, clip.left), right: Math.min(box.right, clip.right), top: box.top, bottom: box.bottom });
  }
  for (let i = 0; i < boxes.length; i++) {
    for (let j = i + 1; j < boxes.length; j++) {
      const [a, b] = [boxes[i], boxes[j]];
      if (a.holder !== b.holder || a.el.contains(b.el) || b.el.contains(a.el) || a.el.closest(".event-list")) continue;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // Lines of text have some air around them: a touch is none.
      if (wide > 1 && high > 0.3 * Math.min(a.bottom - a.top, b.bottom - b.top)) faults.push(`${name(a.el)} lies over ${name(b.el)}`);
    }
  }
  for (const tile of document.querySelectorAll(".tile:not(.empty)")) {
    const [stage] = tile.getElementsByClassName("tile-stage");
    if (stage.clientHeight < 24) faults.push(`trace of ${tile.querySelector(".tile-room").textContent} is ${stage.clientHeight} px high`);
  }
  const canvases = [...document.querySelectorAll("canvas:not([aria-hidden])")];
  if (canvases.some((canvas) => !canvas.getAttribute("aria-label"))) faults.push("a picture without a name");
  for (const el of document.querySelectorAll("button, a, input")) {
    if (shown(el) && !(el.getAttribute("aria-label") || el.textContent.trim() || el.labels?.length)) faults.push(`${name(el)} has no name`);
    const { width, height } = el.getBoundingClientRect();
    if (shown(el) && el.matches("button, .back") && (width < 43.5 || height < 43.5)) faults.push(`${name(el)} is ${width} x ${height}`);
  }
  return faults;
}
