// From the page to its server and back: the first connection, and every one after a loss, without a reload.
// An outage of a second, an hour or a night, a restart, an expired token: each attempt fetches the page's own address for
// a fresh token and opens a new session with it. What is on the screen stays there, and the new session's snapshot fills it.

import { runScripts } from "./scripts.js";
import { Refused, fetchPage, openSession } from "./session.js";

/** How long a new session may take to say something before another is tried. */
const SPEAKS_WITHIN_MS = 3000;

/**
 * Milliseconds to wait before an attempt. The first one comes soon after the loss, later ones 1 to 4 s apart: at random, so that
 * a server that comes back is not met by all its browsers at once.
 */
export function waitBefore(attempt, random = Math.random) {
  const [least, most] = attempt === 0 ? [50, 800] : [Math.min(1000, 250 * 2 ** (attempt - 1)), Math.min(4000, 1000 * 2 ** (attempt - 1))];
  return least + (most - least) * random();
}

export class Lifeline {
  /**
   * `adopt(session)` takes a new session's document into use; `cut()` hears that there is none, `leave()` that another page follows.
   * `beat` tells whether anything is heard. `version` is that of our own script.
   */
  constructor({ beat, version, adopt, cut, leave }) {
    Object.assign(this, { beat, version, adopt, cut, leave });
    this.session = null;
    this.trying = false;
    this.leaving = false;
    this.endPause = () => {};
  }

  /** Connect, with the token that the page came with if it has one, and mend every loss from now on. */
  async mend(token = null) {
    if (this.trying) return;
    this.trying = true;
    for (let attempt = 0; this.wanting; attempt += 1) {
      if (token === null) await this.pause(waitBefore(attempt));
      try {
        if (this.wanting) await this.attempt(token);
      } catch (error) {
        // The reasons are many and the remedy is one: the next attempt. A person's remedy is shown meanwhile.
        this.beat.refusal = error instanceof Refused ? error : null;
      }
      token = null;
    }
    this.trying = false;
  }

  /** The old socket may speak again meanwhile: a stopped server goes on, a cable is put back. Then it stays. */
  get wanting() {
    return !this.leaving && (!this.session?.open || this.beat.lost);
  }

  async attempt(given) {
    await runScripts(document);
    let token = given;
    if (token === null) {
      const page = await fetchPage();
      if (!this.wanting) return;
      if (page.version !== this.version || page.token === null) {
        this.becomes(page.text);
        return;
      }
      token = page.token;
    }
    const session = await openSession(token, given === null);
    if (!this.wanting) {
      session.end();
      return;
    }
    this.session?.end();
    this.session = session;
    session.onClose(() => {
      session.end();
      if (session !== this.session) return;
      this.cut();
      this.mend();
    });
    const { pushes } = this.beat;
    this.adopt(session);
    for (const until = performance.now() + SPEAKS_WITHIN_MS; this.beat.pushes === pushes && session.open; ) {
      if (performance.now() > until) return;
      await this.pause(50);
    }
  }

  /**
   * The server has a page for a newer script, or asks for a sign-in: put in what it gave. A reload would ask once more, and if the
   * server or a proxy failed just then, the browser's or the proxy's error would stand there for good.
   */
  becomes(text) {
    this.leaving = true;
    this.session?.end();
    this.leave();
    document.open();
    document.write(text);
    document.close();
  }

  /** A page that slept has waited long enough. */
  wake() {
    this.endPause();
  }

  pause(milliseconds) {
    return new Promise((done) => {
      const timer = setTimeout(done, milliseconds);
      this.endPause = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}
