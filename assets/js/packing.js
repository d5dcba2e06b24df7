// Samples on the wire are a short string (monitor_app/push/packing.py): a difference a character, a gap, or a value in full.

const BASE = 91;
const SMALL = 45;
const LIMIT = Math.floor(BASE ** 3 / 2);
const [GAP, FULL, BACKSLASH] = [0x20, 0x21, 0x5c];

const place = (code) => code - (code > BACKSLASH ? 0x24 : 0x23);

/** The integers again; NaN is a gap. */
export function unpack(text) {
  const values = [];
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === GAP) {
      values.push(NaN);
      continue;
    }
    if (code === FULL) {
      value = 0;
      for (let digit = 0; digit < 3; digit++) value = value * BASE + place(text.charCodeAt(++at));
      value -= LIMIT;
    } else value += place(code) - SMALL;
    values.push(value);
  }
  return values;
}
