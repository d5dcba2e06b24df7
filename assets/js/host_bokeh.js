// The bare Bokeh page: find the source among Bokeh's documents, mount the view, and follow the source when a
// reconnection replaces it. The page says what to mount: <div data-breathwatch="wall" data-base="">.

import { mountRoom } from "./room.js";
import { findModel } from "./source.js";
import { mountWall } from "./wall.js";

const REQUESTS_NAME = "breathwatch-requests";
const REPLIES_NAME = "breathwatch-replies";

export function mountBokehPage(el) {
  const { documents } = window.Bokeh;
  let mounted = null;
  let source = null;
  const watched = new WeakSet();
  let requests = null;
  const takers = [];
  const take = (replies) => (replies.data.reply ?? []).forEach((reply) => takers.forEach((taker) => taker(reply)));

  /** Commands go out as the data of one source, errors come back as that of another; a wall has neither. */
  function adoptRequests(doc) {
    const found = findModel(doc, REQUESTS_NAME);
    if (found === null || found === requests) return;
    requests = found;
    const replies = findModel(doc, REPLIES_NAME);
    replies?.properties.data.change.connect(() => take(replies));
  }

  function adopt() {
    for (const doc of documents) {
      if (!watched.has(doc)) {
        watched.add(doc);
        doc.on_change(({ kind }) => kind === "ModelChanged" || queueMicrotask(adopt));
      }
      adoptRequests(doc);
      const found = findModel(doc);
      if (found === null || found === source) continue;
      source = found;
      if (mounted) mounted.rebind(source);
      else mounted = mount();
    }
  }

  function mount() {
    const host = { source, base: el.dataset.base ?? "", room: Number(el.dataset.room) || null };
    if (requests) host.send = (request) => (requests.data = { request: [JSON.stringify(request)] });
    host.onReply = (taker) => takers.push(taker);
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
