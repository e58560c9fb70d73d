// Small things the pages need once they are parsed. Each works on its own and nothing waits for it.

// An equation that scrolls sideways must be reachable with the keyboard, and say what it is. (The theme does
// the same for code and tables.)
function makeEquationsFocusable() {
  for (const box of document.querySelectorAll("div.math .katex-display")) {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", "Equation, scrolls sideways");
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
    }
  }
}

// Admonitions of class "dropdown" (solutions, hints) fold; without this script they stand open.
function foldDropdowns() {
  for (const box of document.querySelectorAll("div.admonition.dropdown")) {
    const title = box.querySelector(":scope > .admonition-title");
    if (!title) continue;
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    details.className = box.className;
    details.id = box.id;
    summary.className = title.className;
    summary.append(...title.childNodes);
    // A link inside what folds and unfolds could not be told from it.
    for (const link of summary.querySelectorAll("a")) link.replaceWith(...link.childNodes);
    title.remove();
    details.append(summary, ...box.childNodes);
    box.replaceWith(details);
  }
}

// A click elsewhere, or Escape, closes an open menu.
function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.page-actions[open]")) {
    if (event.key === "Escape" || (event.type === "click" && !menu.contains(event.target))) {
      menu.open = false;
      if (event.key === "Escape") menu.querySelector("summary").focus();
    }
  }
}

// What is folded, or not yet loaded, must be on paper.
function openAll() {
  for (const details of document.querySelectorAll("article details")) details.open = true;
  for (const image of document.querySelectorAll("img[loading=lazy]")) image.loading = "eager";
}

// On the search page one wants to type at once.
function focusSearchField() {
  if (document.getElementById("search-results")) {
    document.querySelector(".bd-search-container input")?.select();
  }
}

foldDropdowns();
focusSearchField();
makeEquationsFocusable();
addEventListener("resize", makeEquationsFocusable);
addEventListener("load", makeEquationsFocusable);
document.fonts.ready.then(makeEquationsFocusable);
addEventListener("click", closeMenus);
addEventListener("keydown", closeMenus);
addEventListener("beforeprint", openAll);
