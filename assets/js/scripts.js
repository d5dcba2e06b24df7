// BokehJS, and Panel where the page has it, wait in the page's <template class="bw-scripts">: three megabytes whose run would
// hold up the first picture.

const waiting = (page) => [...(page.querySelector("template.bw-scripts")?.content.querySelectorAll("script") ?? [])];

/** Have them brought while the first picture is made. */
export function fetchScripts(page) {
  for (const { src } of waiting(page)) {
    if (src) page.head.append(Object.assign(page.createElement("link"), { rel: "preload", as: "script", href: src }));
  }
}

const COMES_WITHIN_MS = 15000;

/** Run those that have not run yet, one after another as the parser would; throws where one cannot be had, or does not come. */
export async function runScripts(page) {
  for (const inert of waiting(page)) {
    const { src, type, textContent } = inert;
    const script = Object.assign(page.createElement("script"), { type, textContent });
    const ran = new Promise((done, fail) => {
      script.onload = done;
      script.onerror = () => fail(new Error(`${src} cannot be had`));
      if (!src) done();
      // A load that stalls says nothing; the browser itself would wait for minutes.
      else setTimeout(() => fail(new Error(`${src} does not come`)), COMES_WITHIN_MS);
    });
    if (src) script.src = inert.stalled ? another(src) : src;
    page.head.append(script);
    try {
      await ran;
    } catch (error) {
      script.remove();
      inert.stalled = true;
      throw error;
    }
    inert.remove();
  }
}

/** The same under another address: the browser would wait for the load that stalled, whoever asks again. */
function another(src) {
  const address = new URL(src, document.baseURI);
  address.searchParams.set("again", Date.now());
  return address.href;
}
