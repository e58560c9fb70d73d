// The reader's settings: a dialog that a button in the header of each page opens. theme.js sets what was chosen before the
// first paint, and reading.css says what it changes.

{
  const KEY = "unrolled.settings";
  const root = document.documentElement;
  const THEME = "data-mode"; // the theme's own attribute, which its button changes
  // For each attribute of <html>: what it changes, its default, and all values with their names.
  const SETTINGS = {
    "data-text": ["Text size", "normal", { small: "Small", normal: "Normal", large: "Large", largest: "Largest" }],
    "data-measure": ["Line width", "normal", { narrow: "Narrow", normal: "Normal", wide: "Wide" }],
    "data-code": ["Long lines of code", "scroll", { scroll: "Scroll", wrap: "Wrap" }],
    [THEME]: ["Theme", "auto", { auto: "The system's", light: "Light", dark: "Dark" }],
  };
  let dialog = null;

  function choose(name, value) {
    if (name === THEME) {
      const button = document.querySelector(".theme-switch-button");
      for (let presses = 0; root.dataset.mode !== value && presses < 3; presses++) button.click();
    } else {
      root.setAttribute(name, value);
      const chosen = Object.keys(SETTINGS).filter((key) => key !== THEME && root.hasAttribute(key));
      pageStorage.setItem(KEY, JSON.stringify(Object.fromEntries(chosen.map((key) => [key, root.getAttribute(key)]))));
      layOutSoon(); // other listings scroll now
    }
    show();
  }

  function show() {
    for (const [name, [, usual, values]] of Object.entries(SETTINGS)) {
      const now = root.getAttribute(name);
      const value = Object.hasOwn(values, now) ? now : usual;
      dialog.querySelector(`[name=${name}][value=${value}]`).checked = true;
    }
    const forgotten = Object.keys(pageStorage.unstored).length;
    dialog.querySelector("[role=status]").textContent = forgotten
      ? "This browser does not let the page store this, so it holds until you leave the page." : "";
  }

  function element(tag, content = [], attributes = {}) {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...[content].flat());
    return made;
  }

  function showDialog() {
    if (!dialog) {
      const groups = Object.entries(SETTINGS).map(([name, [legend, , values]]) =>
        element("fieldset", [element("legend", legend), ...Object.entries(values).map(([value, text]) =>
          element("label", [element("input", [], { type: "radio", name, value }), ` ${text}`]))]));
      const status = element("p");
      status.setAttribute("role", "status");
      dialog = element("dialog", [
        element("h2", "Reading settings", { id: "settings-title" }),
        ...groups,
        status,
        element("form", element("button", "Close"), { method: "dialog" }),
      ], { id: "settings" });
      dialog.setAttribute("aria-labelledby", "settings-title");
      dialog.addEventListener("change", ({ target }) => choose(target.name, target.value));
      document.body.append(dialog);
    }
    show();
    dialog.showModal();
    dialog.querySelector(":checked").focus();
  }

  document.querySelector(".settings-button")?.addEventListener("click", showDialog);
}
