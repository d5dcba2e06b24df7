// The models a page and its server speak by, found among a document's models by name or tag.

const SOURCE_NAME = "breathwatch-live";
const REQUESTS_NAME = "breathwatch-requests";
const REPLIES_NAME = "breathwatch-replies";

export function findModel(doc, name = SOURCE_NAME) {
  const is = (model) => model?.name === name || model?.tags?.includes?.(name);
  return doc.all_roots?.find(is) ?? [...(doc._all_models?.values() ?? [])].find(is) ?? null;
}

const NOT_SENT = "The server is lost: nothing was sent. Set the pressure at the device, or wait until this page is live again.";
const CUT_OFF = "The connection was lost before the answer came. When this page is live again, look whether it was done.";
const UNANSWERED = "The server has not answered. When it does again, look whether this was done before you ask once more.";
const ANSWER_WITHIN_MS = 15000;

/** Requests go out as the data of one source, answers and news come as that of another; a page that only shows has neither. */
export class RequestLink {
  constructor() {
    this.requests = null;
    this.takers = [];
    this.newsTakers = [];
    this.openers = [];
    this.asked = new Map();
  }

  /** Each session has its own models: speak by the newest. */
  adopt(doc) {
    const found = findModel(doc, REQUESTS_NAME);
    if (found === null || found === this.requests) return;
    this.requests = found;
    const replies = findModel(doc, REPLIES_NAME);
    replies?.properties.data.change.connect(() => this.take(replies.data.reply ?? []));
    for (const act of this.openers) act();
  }

  /** The connection is gone: what is asked for until the next one comes is refused at once. */
  cut() {
    this.requests = null;
    for (const id of [...this.asked.keys()]) this.settle({ request_id: id, ok: false, message: CUT_OFF });
  }

  take(replies) {
    for (const reply of replies) {
      if (reply.news) this.newsTakers.forEach((taker) => taker(reply.news, reply));
      else if (!this.settle(reply)) this.takers.forEach((taker) => taker(reply));
    }
  }

  settle(reply) {
    const settle = this.asked.get(reply.request_id);
    this.asked.delete(reply.request_id);
    settle?.(reply);
    return settle !== undefined;
  }

  send(request) {
    if (this.requests) this.requests.data = { request: [JSON.stringify(request)] };
    else queueMicrotask(() => this.take([{ request_id: request.request_id, ok: false, message: NOT_SENT }]));
  }

  /** Ask and wait: gives `{ok: true, ...}`, or `{ok: false, message}` in words for the person who asked. Never throws. */
  ask(type, fields = {}) {
    const id = newId();
    return new Promise((settle) => {
      const timer = setTimeout(() => this.settle({ request_id: id, ok: false, message: UNANSWERED }), ANSWER_WITHIN_MS);
      this.asked.set(id, (reply) => {
        clearTimeout(timer);
        settle(reply);
      });
      this.send({ ...fields, type, request_id: id });
    });
  }

  /** Gives what ends it. */
  join(list, one) {
    list.push(one);
    return () => list.splice(0, list.length, ...list.filter((other) => other !== one));
  }

  /** What a mounted view needs to command and to ask: `onNews(taker(kind, news))`, `onOpen(act)` at each new session. */
  get verbs() {
    return {
      send: (request) => this.send(request),
      onReply: (taker) => this.join(this.takers, taker),
      ask: (type, fields) => this.ask(type, fields),
      onNews: (taker) => this.join(this.newsTakers, taker),
      onOpen: (act) => this.join(this.openers, act),
    };
  }
}

/** crypto.randomUUID exists on secure pages only, and a lab's page may be plain http. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
