// Two aids to reading: what a reference points to, shown beside it, and keyboard shortcuts.

// --- Previews: the equation, figure, definition … behind a reference, on hover or keyboard focus ------------

{
  const WAIT = 300; // ms before a preview opens
  const GRACE = 200; // ms in which the pointer may cross over to it
  const pages = new Map(); // address -> promise of the page; nothing is fetched before the first hover
  const panel = document.createElement("div");
  panel.id = "preview";
  panel.className = "bd-article";
  panel.popover = "manual";
  panel.setAttribute("role", "tooltip");
  let link = null; // whose preview is open or on its way
  let timer = 0;

  const here = (url) => url.pathname === location.pathname;
  const readable = (url) => here(url) || location.protocol !== "file:";

  // The link that was meant, if it leads to a place in the book.
  function reference(target) {
    const found = target.closest?.("article a.reference.internal[href]");
    if (!found || found.closest(".drawn-caption, .checked-by") || !found.hash) return null;
    return readable(new URL(found.href)) ? found : null;
  }

  function page(url) {
    const address = url.pathname;
    if (here(url)) return document;
    if (!pages.has(address)) {
      pages.set(address, fetch(address).then((answer) => (answer.ok ? answer.text() : "")).then(
        (text) => new DOMParser().parseFromString(text, "text/html"), () => null));
    }
    return pages.get(address);
  }

  // What is shown of a place: a term with its definition, a heading with its first paragraph, or the thing itself.
  function parts(place) {
    if (!place) return [];
    if (place.matches("dt")) return [place, place.nextElementSibling];
    const section = place.matches("section") ? place : place.closest("section > span")?.parentElement;
    if (!section) return [place];
    return [section.querySelector("h1, h2, h3, h4"), section.querySelector(":scope > :is(p, .exercise)")];
  }

  // A copy that stands on its own: without ids, links and buttons, its images at their full address.
  function copy(node, base) {
    const made = document.importNode(node, true);
    for (const extra of made.querySelectorAll("script, button, .headerlink, .live-bar")) extra.remove();
    for (const inner of made.querySelectorAll("a")) inner.replaceWith(...inner.childNodes);
    for (const image of made.querySelectorAll("img")) {
      image.src = new URL(image.getAttribute("src"), base);
      image.addEventListener("load", position);
    }
    for (const element of [made, ...made.querySelectorAll("[id], [tabindex]")]) {
      for (const name of ["id", "tabindex"]) element.removeAttribute(name);
    }
    return made;
  }

  function position() {
    if (!link) return;
    const at = link.getClientRects()[0] ?? link.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = panel;
    const room = document.documentElement.clientWidth - width - 8;
    const above = at.bottom + height + 8 > innerHeight && at.top > height + 8;
    panel.style.left = `${scrollX + Math.max(8, Math.min(at.left, room))}px`;
    panel.style.top = `${scrollY + (above ? at.top - height - 6 : at.bottom + 6)}px`;
  }

  async function open() {
    const wanted = link;
    const url = new URL(wanted.href);
    const from = await page(url);
    const shown = parts(from?.getElementById(decodeURIComponent(url.hash.slice(1)))).filter(Boolean);
    if (wanted !== link || !shown.length) return;
    panel.replaceChildren(...shown.map((node) => copy(node, url)));
    if (!panel.isConnected) document.querySelector("main").append(panel);
    if (wanted.title) [wanted.dataset.title, wanted.title] = [wanted.title, ""]; // not twice
    wanted.setAttribute("aria-describedby", panel.id);
    if (!panel.matches(":popover-open")) panel.showPopover();
    for (const wide of panel.querySelectorAll(".katex-display")) {
      const share = wide.clientWidth / wide.scrollWidth;
      if (share < 1) wide.style.fontSize = `${Math.max(0.5, share * 0.97)}em`;
    }
    position();
  }

  function conceal() {
    clearTimeout(timer);
    if (!link) return;
    if (link.dataset.title) link.title = link.dataset.title;
    link.removeAttribute("aria-describedby");
    link = null;
    if (panel.matches(":popover-open")) panel.hidePopover();
  }

  function begin(event) {
    if (event.pointerType === "touch") return;
    if (link && panel.contains(event.target)) return clearTimeout(timer);
    const found = reference(event.target);
    if (!found || (event.type === "focusin" && !found.matches(":focus-visible"))) return;
    if (found !== link) conceal();
    clearTimeout(timer);
    link = found;
    if (!panel.matches(":popover-open")) timer = setTimeout(open, WAIT);
  }

  function end(event) {
    if (!link || !(link.contains(event.target) || panel.contains(event.target))) return;
    if (event.relatedTarget && (link.contains(event.relatedTarget) || panel.contains(event.relatedTarget))) return;
    clearTimeout(timer);
    timer = setTimeout(conceal, GRACE);
  }

  if (panel.showPopover) {
    for (const name of ["pointerover", "focusin"]) addEventListener(name, begin);
    for (const name of ["pointerout", "focusout"]) addEventListener(name, end);
    addEventListener("keydown", (event) => event.key === "Escape" && conceal());
    addEventListener("pagehide", conceal);
  }
}

// --- Keyboard shortcuts, which the dialog lists and can switch off --------------------------------------------

{
  const follow = (selector) => () => {
    const found = document.querySelector(selector);
    if (found?.href && found.href !== location.href) location.assign(found.href);
    return found;
  };
  const KEYS = {
    "/": ["Search (also Ctrl or ⌘ and K)", search],
    n: ["Next page", follow("link[rel=next]")],
    p: ["Previous page", follow("link[rel=prev]")],
    t: ["Contents of the book", follow("a.navbar-brand")],
    o: ["Notation", follow("a.header-link[href*=notation]")],
    s: ["Reading settings", () => document.querySelector(".settings-button")?.click()],
    d: ["Light, dark or the system's theme", () => document.querySelector(".theme-switch-button")?.click()],
    "?": ["This list", list],
  };
  let dialog = null;

  function search() {
    const field = document.querySelector(".bd-search-container input");
    if (field) field.select();
    else document.querySelector(".search-button__button")?.click();
  }

  function allowed(choice) {
    try {
      if (choice !== undefined) localStorage.setItem("unrolled.shortcuts", choice ? "on" : "off");
      return localStorage.getItem("unrolled.shortcuts") !== "off";
    } catch {
      return choice ?? dialog?.querySelector("input").checked ?? true; // storage is forbidden: for this page
    }
  }

  function element(tag, content = [], attributes = {}) {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...[content].flat());
    return made;
  }

  function list() {
    if (!dialog) {
      const rows = Object.entries({ ...KEYS, Esc: ["Close what is open"] }).map(([key, [what]]) =>
        element("div", [element("dt", element("kbd", key)), element("dd", what)]));
      const box = element("input", [], { type: "checkbox", checked: allowed() });
      box.addEventListener("change", () => allowed(box.checked));
      dialog = element("dialog", [
        element("h2", "Keyboard shortcuts", { id: "shortcuts-title" }),
        element("dl", rows),
        element("label", [box, " Shortcuts of a single key are on"]),
        element("form", element("button", "Close"), { method: "dialog" }),
      ], { id: "shortcuts" });
      dialog.setAttribute("aria-labelledby", "shortcuts-title");
      document.body.append(dialog);
    }
    dialog.showModal();
  }

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], .cm-editor")) return;
    if (document.querySelector("dialog[open]") || !allowed()) return;
    const [, act] = (Object.hasOwn(KEYS, event.key) && KEYS[event.key]) || [];
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.querySelector(".shortcuts-button")?.addEventListener("click", list);
}
