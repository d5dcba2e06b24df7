// One session with the server, by BokehJS' own connection: a fresh token, an open socket, and an end without a trace.

const FETCH_WITHIN_MS = 3000;
const OPEN_WITHIN_MS = 5000;
/** Says that only the live source is wanted: what draws is here already. */
const RESUME = "resume";
/** Our own origin, which the server will see when we open a socket: it can tell beforehand that it will refuse it. */
const PAGE_ORIGIN = "X-Page-Origin";

/** The server does not let this page in, and says in words why and what to do. */
export class Refused extends Error {
  constructor({ refused, remedy }) {
    super(refused);
    Object.assign(this, { refused, remedy });
  }
}

/**
 * What the page's own address gives now: its text, and its token and the version of its script where it is a page of ours.
 * Throws where nobody answers, or only a proxy does, be it with a page of its own: whoever waits goes on to wait. Throws what the
 * server says where it does not let this page in.
 */
export async function fetchPage() {
  const address = new URL(window.location.href);
  address.searchParams.set(RESUME, "1");
  const headers = { [PAGE_ORIGIN]: window.location.origin };
  const answer = await fetch(address, { cache: "no-store", headers, signal: AbortSignal.timeout(FETCH_WITHIN_MS) });
  if (answer.status === 403 && answer.headers.get("Content-Type")?.startsWith("application/json")) throw new Refused(await answer.json());
  if (!answer.ok) throw new Error(`${address.pathname} answers ${answer.status}`);
  const text = await answer.text();
  const page = readPage(new DOMParser().parseFromString(text, "text/html"));
  if (page === null) throw new Error(`${address.pathname} gives a page that is none of ours`);
  return { ...page, text };
}

/** The token and the version in a page of ours, null where it is none; a page of ours that asks for a sign-in has no token. */
export function readPage(page) {
  const mount = page.querySelector("[data-breathwatch]");
  const session = page.querySelector("script.bw-session");
  const token = session ? JSON.parse(session.textContent).token : null;
  return mount && { version: mount.dataset.version, token };
}

/** Open a session with a token; what comes to be later than allowed, or too late, is ended. */
export async function openSession(token, resumes) {
  const { ClientConnection } = window.Bokeh.require("client/connection");
  const { protocol, host, pathname, search } = window.location;
  const address = `${protocol === "https:" ? "wss:" : "ws:"}//${host}${pathname.replace(/\/+$/, "")}/ws`;
  const query = new URLSearchParams(search);
  if (resumes) query.set(RESUME, "1");
  const session = new Session(new ClientConnection(address, token, String(query)));
  const timer = setTimeout(() => session.end(), OPEN_WITHIN_MS);
  try {
    return await session.begin();
  } finally {
    clearTimeout(timer);
  }
}

class Session {
  constructor(connection) {
    this.connection = connection;
    this.document = null;
    this.rendered = false;
  }

  async begin() {
    const { document } = await this.connection.connect();
    this.document = document;
    // Bokeh's own reconnection reads the new socket with what it had half read from the old one.
    document.config.setv({ reconnect_session: false }, { silent: true });
    return this;
  }

  get open() {
    return this.connection.socket?.readyState === WebSocket.OPEN;
  }

  onClose(act) {
    if (this.open) this.connection.socket.addEventListener("close", act);
    else act();
  }

  /** Draw the document's roots; Bokeh then says that the page is ready. */
  render() {
    this.rendered = true;
    return window.Bokeh.embed.add_document_standalone(this.document, document.body);
  }

  /** Tell the server that we listen, so that it begins at once. */
  sayReady() {
    const { DocumentReady } = window.Bokeh.require("core/bokeh_events");
    this.document.event_manager.send_event(new DocumentReady());
  }

  /** Close the socket and let go of the models: after thousands of sessions the page is as it was after one. */
  end() {
    const { connection, document } = this;
    if (connection.session) connection.close();
    else {
      connection.closed_permanently = true;
      connection.socket?.close();
    }
    if (document === null) return;
    const { documents } = window.Bokeh;
    const at = documents.indexOf(document);
    if (at >= 0 && !this.rendered) {
      documents.splice(at, 1);
      document.clear({ sync: false });
    }
  }
}
