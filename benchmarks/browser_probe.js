// Put into the page before its scripts: when it was first seen, when it was live, and what its own frames cost.
{
  const bench = { skeletonMs: null, liveMs: null, frameMs: [], longTaskMs: [] };
  window.bench = bench;

  const nextFrame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) =>
    nextFrame((at) => {
      const begun = performance.now();
      callback(at);
      bench.frameMs.push(performance.now() - begun);
    });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) bench.longTaskMs.push(duration);
  }).observe({ type: "longtask" });

  const { stroke } = CanvasRenderingContext2D.prototype;
  let drawn = false;
  CanvasRenderingContext2D.prototype.stroke = function (...path) {
    drawn = true;
    CanvasRenderingContext2D.prototype.stroke = stroke;
    return stroke.apply(this, path);
  };

  const find = (selector, root = document) => {
    const found = root.querySelector(selector);
    if (found) return found;
    for (const host of root.querySelectorAll("*")) {
      const within = host.shadowRoot && find(selector, host.shadowRoot);
      if (within) return within;
    }
    return null;
  };

  // What a frame finds in the page is on the screen when the task after that frame runs.
  const afterThisFrame = new MessageChannel();
  afterThisFrame.port1.onmessage = ({ data }) => (bench[data] = performance.now());
  const look = () => {
    if (bench.skeletonMs === null && find(".bw .bar")) afterThisFrame.port2.postMessage("skeletonMs");
    if (drawn && find(".live-pill[data-kind=live]")) afterThisFrame.port2.postMessage("liveMs");
    else if (!bench.done) nextFrame(look);
  };
  nextFrame(look);
}
