// The Panel component, on a page and in notebooks: a JSComponent's render({model, view, el}) hands over to this.

import { mountRoom } from "./room.js";
import { RequestLink, findModel } from "./source.js";
import { mountWall } from "./wall.js";

/**
 * `kind` is "wall" or "room". The component may have the parameters `room`, `base`, and `source`, the name of its live source.
 * On a page of ours it takes in the view that the page has mounted and keeps connected. Elsewhere, as in notebooks, it mounts its
 * own at once and follows the document's source; there nothing is fetched and nothing reloaded: the connection is not ours.
 */
export function renderLive({ model, view, el }, kind) {
  const mount = document.querySelector(`[data-breathwatch="${kind}"]`);
  if (mount?.firstElementChild?.breathwatch) {
    el.replaceChildren(mount.firstElementChild);
    mount.remove();
    return;
  }
  const { document: doc } = view.model;
  const link = new RequestLink();
  link.adopt(doc);
  const host = { base: model.base ?? "", room: model.room ?? null, ...(link.requests ? link.verbs : {}) };
  const mounted = (kind === "wall" ? mountWall : mountRoom)(el, host);

  function adopt() {
    link.adopt(doc);
    const source = findModel(doc, model.source || undefined);
    if (source !== null) mounted.rebind(source);
  }

  const follow = ({ kind: change }) => change === "ModelChanged" || queueMicrotask(adopt);
  doc.on_change(follow);
  model.on("remove", () => {
    doc.remove_on_change(follow);
    mounted.destroy();
  });
  adopt();
}
