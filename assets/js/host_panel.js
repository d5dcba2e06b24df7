// The Panel component, in other pages and in notebooks: a JSComponent's render({model, el}) hands over to this.

import { mountRoom } from "./room.js";
import { mountWall } from "./wall.js";

const SAY_EVERY_MS = 5000;
const ASK_EVERY_MS = 3000;

/**
 * `kind` is "wall" or "room". The component has the parameters `room`, `base` and `recorded`, and a stream of its own, whose
 * pushes come as its messages. Nothing is fetched and nothing reloaded: the connection is not ours.
 */
export function renderLive({ model, el }, kind) {
  const host = { base: model.base ?? "", room: model.room ?? null, recorded: Boolean(model.recorded) };
  followStream(model, el, kind, host);
}

/** Panel's way into a notebook; without it our server made the page. */
const inNotebook = () => "PyViz" in window;
const mounting = (kind) => (kind === "wall" ? mountWall : mountRoom);

/**
 * The stream is ours alone. Python begins it with our first word, and ends it where we say nothing for 20 s: a tab that was closed
 * tells nobody.
 */
function followStream(model, el, kind, host) {
  let saidAt = -Infinity;
  const since = () => performance.now() - saidAt;
  const say = (message) => {
    saidAt = performance.now();
    model.send_msg(message);
  };
  const beginAnew = () => since() >= ASK_EVERY_MS && say({ type: "anew" });
  const ask = (act, value = null) => say({ type: "ask", act, value });
  const mounted = mounting(kind)(el, { ...host, kernel: inNotebook(), onLost: beginAnew, onMissed: () => say({ type: "anew" }), ask });
  mounted.root.breathwatch = mounted; // for whoever looks at the page from outside
  let gone = false;
  model.on("msg:custom", (push) => {
    if (gone) return;
    mounted.hear(JSON.parse(push));
    if (since() >= SAY_EVERY_MS) say({ type: "seen" });
  });
  model.on("remove", () => {
    gone = true;
    mounted.destroy();
  });
  say({ type: "anew" });
}
