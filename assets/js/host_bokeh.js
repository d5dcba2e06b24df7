// The bare Bokeh page: find the source among Bokeh's documents, mount the view, and follow the source when a
// reconnection replaces it. The page says what to mount: <div data-breathwatch="wall" data-base="">.

import { mountRoom } from "./room.js";
import { RequestLink, findModel, leaveReconnecting } from "./source.js";
import { mountWall } from "./wall.js";

export function mountBokehPage(el) {
  const { documents } = window.Bokeh;
  let mounted = null;
  let source = null;
  const watched = new WeakSet();
  const link = new RequestLink();

  function adopt() {
    for (const doc of documents) {
      if (!watched.has(doc)) {
        watched.add(doc);
        leaveReconnecting(doc);
        doc.on_change(({ kind }) => kind === "ModelChanged" || queueMicrotask(adopt));
      }
      link.adopt(doc);
      const found = findModel(doc);
      if (found === null || found === source) continue;
      source = found;
      if (mounted) mounted.rebind(source);
      else mounted = mount();
    }
  }

  function mount() {
    const host = { source, base: el.dataset.base ?? "", room: Number(el.dataset.room) || null, ...link.verbs };
    return el.dataset.breathwatch === "room" ? mountRoom(el, host) : mountWall(el, host);
  }

  // A document is announced while it is being made and filled in the same task: look right after it, so that not even
  // the first push after its snapshot can come between.
  const push = documents.push;
  documents.push = (...added) => {
    const length = push.apply(documents, added);
    queueMicrotask(adopt);
    return length;
  };
  adopt();
}

for (const el of document.querySelectorAll("[data-breathwatch]")) {
  if (window.Bokeh) mountBokehPage(el);
}
