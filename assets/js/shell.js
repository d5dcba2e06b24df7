// What the pages that are worked on have in common: the bar with the ways to the others, the loss of the server, the time.

import { SiteClock, node, setClass, setText } from "./format.js";
import { startWatchdog } from "./clock.js";
import { flash } from "./band.js";
import { Feed } from "./feed.js";
import { loadFont } from "./font.js";
import { AccessPill, Announcer, ClockFace, LivePill, LostBand, navigation } from "./topbar.js";

export class Shell {
  /**
   * `place` is the page's own, as `entry`; `content` fills the rest. `host` is what host_page.js gives. `onSite(clock)` hears of the
   * lab's time zone, `onLook(beat)` is called with every push and some times a second.
   */
  constructor(el, host, { place, title, content, onSite = () => {}, onLook = () => {} }) {
    Object.assign(this, { host, onSite, onLook });
    this.clock = new SiteClock(null);
    this.root = node("main", `bw worked ${place}`);
    const bar = node("header", "bar");
    this.title = node("h1", "bar-title", title);
    this.access = new AccessPill();
    this.live = new LivePill();
    this.face = new ClockFace();
    const right = node("div", "bar-right");
    right.append(this.access.element, this.live.element, this.face.element);
    bar.append(navigation(host.base, place), this.title, right);
    this.lost = new LostBand();
    this.announcer = new Announcer();
    this.content = node("div", "worked-content");
    this.content.append(content);
    this.root.append(bar, this.lost.element, this.content, this.announcer.element);
    el.replaceChildren(this.root);
    loadFont(host);
    this.feed = new Feed(() => this.take(), host);
    this.stopWatching = startWatchdog(() => {
      flash(this.root);
      this.look();
    });
    this.look();
  }

  get beat() {
    return this.feed.beat;
  }

  take() {
    const { site } = this.feed;
    if (site.time_zone !== this.clock.timeZone) {
      this.clock = new SiteClock(site.time_zone);
      this.onSite(this.clock);
    }
    this.look();
  }

  look() {
    const { feed, clock } = this;
    if (feed.beat.lost) this.host.onLost?.(feed.beat.silence());
    this.face.show(feed, clock);
    const lost = this.lost.showLoss(feed, clock);
    this.live.showAge(feed, null);
    this.access.showAccess(feed.site);
    this.announcer.say(lost ? ["Server lost"] : []);
    setClass(this.root, "lost", feed.known && feed.beat.lost);
    setClass(this.root, "unknown", !feed.known);
    this.onLook(feed.beat);
  }

  /** What host_page.js needs of a mounted view. */
  get mounted() {
    return {
      root: this.root,
      beat: this.feed.beat,
      rebind: (source) => this.feed.rebind(source),
      destroy: () => this.destroy(),
    };
  }

  setTitle(text) {
    setText(this.title, text);
  }

  destroy() {
    this.stopWatching();
    this.feed.stop();
    this.root.remove();
  }
}
