// The Panel component, on a page and in notebooks: a JSComponent's render({model, view, el}) hands over to this.

import { mountRoom } from "./room.js";
import { RequestLink, findModel, leaveReconnecting } from "./source.js";
import { mountWall } from "./wall.js";

const LOOK_AGAIN_MS = 20;

/**
 * `kind` is "wall" or "room". The component may have the parameters `room` and `base`.
 * The source is the document's model of the known name: wait for it where the component is rendered first.
 */
export function renderLive({ model, view, el }, kind) {
  const { document: doc } = view.model;
  const link = new RequestLink();
  let mounted = null;
  let source = null;
  let timer = 0;

  function adopt() {
    link.adopt(doc);
    const found = findModel(doc);
    if (found === null) {
      clearTimeout(timer);
      timer = setTimeout(adopt, LOOK_AGAIN_MS);
    } else if (found !== source) {
      source = found;
      if (mounted) mounted.rebind(source);
      else mounted = (kind === "wall" ? mountWall : mountRoom)(el, host());
    }
  }

  function host() {
    const made = { source, base: model.base ?? "", room: model.room ?? null, ...link.verbs };
    if (model.embedded) made.onLost = () => {}; // a notebook is not reloaded
    return made;
  }

  if (!model.embedded) leaveReconnecting(doc);
  const follow = ({ kind: change }) => change === "ModelChanged" || queueMicrotask(adopt);
  doc.on_change(follow);
  model.on("remove", () => {
    clearTimeout(timer);
    doc.remove_on_change(follow);
    mounted?.destroy();
  });
  adopt();
}
