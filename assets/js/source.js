// The models a page and its server speak by, found among a document's models by name or tag.

const SOURCE_NAME = "breathwatch-live";
const REQUESTS_NAME = "breathwatch-requests";
const REPLIES_NAME = "breathwatch-replies";

export function findModel(doc, name = SOURCE_NAME) {
  const is = (model) => model?.name === name || model?.tags?.includes?.(name);
  return doc.all_roots?.find(is) ?? [...(doc._all_models?.values() ?? [])].find(is) ?? null;
}

/**
 * A lost connection is mended by the page's own watchdog, with a reload. Bokeh's way reads the new socket with what it had
 * half read from the old one, and asks a new session for a document that was made for no page.
 */
export function leaveReconnecting(doc) {
  doc.config.setv({ reconnect_session: false }, { silent: true });
}

/** Commands go out as the data of one source, errors come back as that of another; a page that only shows has neither. */
export class RequestLink {
  constructor() {
    this.requests = null;
    this.takers = [];
  }

  /** A reconnection replaces the document's models: speak by the newest. */
  adopt(doc) {
    const found = findModel(doc, REQUESTS_NAME);
    if (found === null || found === this.requests) return;
    this.requests = found;
    const replies = findModel(doc, REPLIES_NAME);
    replies?.properties.data.change.connect(() => this.take(replies.data.reply ?? []));
  }

  take(replies) {
    for (const reply of replies) this.takers.forEach((taker) => taker(reply));
  }

  /** What a mounted view needs to command, nothing where the page only shows. */
  get verbs() {
    if (this.requests === null) return {};
    return {
      send: (request) => (this.requests.data = { request: [JSON.stringify(request)] }),
      onReply: (taker) => this.takers.push(taker),
    };
  }
}
