// BokehJS, and Panel where the page has it, wait in the page's <template class="bw-scripts">: three megabytes whose run would
// hold up the first picture.

const waiting = (page) => [...(page.querySelector("template.bw-scripts")?.content.querySelectorAll("script") ?? [])];

/** Have them brought while the first picture is made. */
export function fetchScripts(page) {
  for (const { src } of waiting(page)) {
    if (src) page.head.append(Object.assign(page.createElement("link"), { rel: "preload", as: "script", href: src }));
  }
}

/** Run those that have not run yet, one after another as the parser would; throws where one cannot be had. */
export async function runScripts(page) {
  for (const inert of waiting(page)) {
    const { src, type, textContent } = inert;
    const script = Object.assign(page.createElement("script"), { type, textContent });
    const ran = new Promise((done, fail) => {
      script.onload = done;
      script.onerror = () => fail(new Error(`${src} cannot be had`));
      if (!src) done();
    });
    if (src) script.src = src;
    page.head.append(script);
    await ran;
    inert.remove();
  }
}
