// A page of our own: mount the view at once, keep it connected, and give it each new session's source.
// The page says what to mount: <div data-breathwatch="wall" data-base="" data-version="...">.

import { onWaking } from "./clock.js";
import { mountEntry } from "./entry.js";
import { Lifeline } from "./lifeline.js";
import { mountPatients } from "./patients.js";
import { mountReview } from "./review.js";
import { mountRoom } from "./room.js";
import { fetchScripts } from "./scripts.js";
import { readPage } from "./session.js";
import { RequestLink, findModel } from "./source.js";
import { mountWall } from "./wall.js";

/** What can be mounted, by the name that the page says. */
const VIEWS = { entry: mountEntry, patients: mountPatients, review: mountReview, room: mountRoom, wall: mountWall };

const isDrawn = (root) => (root.default_view ?? null) !== null;

export function mountPage(el) {
  const link = new RequestLink();
  const { base = "", breathwatch: view, room } = el.dataset;
  const onMissed = () => lifeline.session?.sayReady(); // which brings a snapshot
  const host = { base, room: Number(room) || null, onLost: () => lifeline.mend(), onMissed, ...link.verbs };
  const mounted = VIEWS[view](el, host);
  const { version, token } = readPage(document);
  const lifeline = new Lifeline({ beat: mounted.beat, version, adopt, cut: () => link.cut(), leave: () => mounted.destroy() });

  function adopt(session) {
    link.adopt(session.document);
    mounted.rebind(findModel(session.document));
    // Panel's roots come with the page's own session only: later ones carry the data and nothing to draw.
    if (session.document.roots().some(isDrawn)) session.render();
    else session.sayReady();
  }

  onWaking(() => lifeline.wake());
  mounted.root.breathwatch = mounted; // for the Panel component, which takes it in
  document.documentElement.dataset.stands = ""; // for the page itself, which waits for us
  fetchScripts(document);
  lifeline.mend(token);
}

for (const el of document.querySelectorAll("[data-breathwatch]")) mountPage(el);
