// The chapters that were read to their end, marked in the sidebar and counted on the landing page. They are kept in this
// browser, and a button on the landing page forgets them.

{
  const KEY = "unrolled.read";
  const WAIT = 2000; // ms for which the end of a chapter must be in view
  const root = new URL("../", document.currentScript.src);
  const landing = document.querySelector(".bd-article .parts ol");
  let unstored = null; // where storage is forbidden or full: what holds for this page

  // A page's address within the book, wherever the book is served.
  const name = (address) => new URL(address, location.href).pathname.replace(root.pathname, "").replace(/\.html$/, "");

  function read() {
    try {
      return unstored ?? storedObject(localStorage.getItem(KEY));
    } catch {
      return {};
    }
  }

  function keep(pages) {
    try {
      if (Object.keys(pages).length) localStorage.setItem(KEY, JSON.stringify(pages));
      else localStorage.removeItem(KEY);
    } catch {
      unstored = pages;
    }
  }

  function element(tag, text, className) {
    return Object.assign(document.createElement(tag), { textContent: text, className });
  }

  function show() {
    const pages = read();
    for (const old of document.querySelectorAll(".read-mark, .read-count, .forget-read")) old.remove();
    for (const part of document.querySelectorAll(".toc-part")) {
      const links = [...part.querySelectorAll("li > a")];
      const done = links.filter((link) => pages[name(link.href)] === true);
      for (const link of done) {
        const mark = element("span", " ✓", "read-mark");
        mark.setAttribute("role", "img");
        mark.setAttribute("aria-label", ", read");
        link.append(mark);
      }
      const number = Number(part.querySelector(".toc-number")?.textContent);
      if (!done.length || !number) continue;
      landing?.children[number - 1]?.append(element("p", `${done.length} of ${links.length} pages read`, "read-count"));
    }
    if (!landing?.querySelector(".read-count")) return;
    const button = element("button", "Forget what I have read", "forget-read");
    button.type = "button";
    button.addEventListener("click", () => {
      keep({});
      show();
      landing.querySelector("a").focus();
    });
    landing.after(button);
  }

  // The end of a chapter is what leads to the next page.
  function watch() {
    const end = document.querySelector(".prev-next-footer");
    if (!end || !document.querySelector(".part-progress")) return;
    let timer = 0;
    const observer = new IntersectionObserver(([seen]) => {
      clearTimeout(timer);
      if (!seen.isIntersecting) return;
      timer = setTimeout(() => {
        observer.disconnect();
        keep({ ...read(), [name(location.href)]: true });
        show();
      }, WAIT);
    });
    observer.observe(end);
  }

  show();
  if (window.IntersectionObserver) watch();
  addEventListener("pageshow", (event) => event.persisted && show());
}
