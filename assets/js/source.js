// The models a page and its server speak by, found among a document's models by name or tag.

const SOURCE_NAME = "breathwatch-live";
const REQUESTS_NAME = "breathwatch-requests";
const REPLIES_NAME = "breathwatch-replies";

export function findModel(doc, name = SOURCE_NAME) {
  const is = (model) => model?.name === name || model?.tags?.includes?.(name);
  return doc.all_roots?.find(is) ?? [...(doc._all_models?.values() ?? [])].find(is) ?? null;
}

const NOT_SENT = "The server is lost: nothing was sent. Set the pressure at the device, or wait until this page is live again.";

/** Commands go out as the data of one source, errors come back as that of another; a page that only shows has neither. */
export class RequestLink {
  constructor() {
    this.requests = null;
    this.takers = [];
  }

  /** Each session has its own models: speak by the newest. */
  adopt(doc) {
    const found = findModel(doc, REQUESTS_NAME);
    if (found === null || found === this.requests) return;
    this.requests = found;
    const replies = findModel(doc, REPLIES_NAME);
    replies?.properties.data.change.connect(() => this.take(replies.data.reply ?? []));
  }

  /** The connection is gone: what is asked for until the next one comes is refused at once. */
  cut() {
    this.requests = null;
  }

  take(replies) {
    for (const reply of replies) this.takers.forEach((taker) => taker(reply));
  }

  send(request) {
    if (this.requests) this.requests.data = { request: [JSON.stringify(request)] };
    else queueMicrotask(() => this.take([{ request_id: request.request_id, ok: false, message: NOT_SENT }]));
  }

  /** What a mounted view needs to command. */
  get verbs() {
    return { send: (request) => this.send(request), onReply: (taker) => this.takers.push(taker) };
  }
}
