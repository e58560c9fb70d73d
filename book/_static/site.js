// Small things the pages need once they are parsed. Each works on its own and nothing waits for it.

// What scrolls sideways must be reachable with the keyboard, and say what it is.
const SCROLLING = "div.math .katex-display, pre, .cell_output > .output, .pst-scrollable-table-container";

const scrolls = (box) =>
  box.scrollWidth > box.clientWidth || (box.tagName === "PRE" && box.scrollHeight > box.clientHeight);

// All are measured before any is changed: after a change the page would be laid out anew for the next.
function markScrolling(boxes) {
  const changed = [...boxes].filter((box) => scrolls(box) !== box.hasAttribute("tabindex"));
  for (const box of changed) {
    const now = box.toggleAttribute("tabindex");
    if (now) box.tabIndex = 0;
    if (box.tagName === "PRE") continue;
    const what = box.classList.contains("katex-display") ? "Equation" : box.matches(".output") ? "Output" : "Table";
    for (const [name, value] of [["role", "group"], ["aria-label", `${what}, scrolls sideways`]])
      now ? box.setAttribute(name, value) : box.removeAttribute(name);
  }
}

// The sections of a long page are laid out one by one when there is time (site.css holds them back until then),
// and with each what scrolls in it is marked; a later call begins anew.
let round = 0;
function layOut() {
  const mine = ++round;
  const width = innerWidth;
  const sections = [...document.querySelectorAll(".bd-article > section > section")];
  sections.push(document.querySelector(".bd-article")); // last, for what is in no section
  const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(work, 30));
  const next = () => {
    if (mine !== round) return;
    const section = sections.shift();
    if (!section) {
      document.documentElement.dataset.laidOut = width; // for who waits for it: tests
      return;
    }
    section.classList.add("laid-out");
    markScrolling(section.querySelectorAll(SCROLLING));
    whenIdle(next, { timeout: 200 });
  };
  whenIdle(next, { timeout: 200 });
}

let settling;
function layOutSoon() {
  delete document.documentElement.dataset.laidOut;
  clearTimeout(settling);
  settling = setTimeout(layOut, 300);
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

// The object that a stored text stands for, or an empty one: which exercises are solved. The scripts that come
// after this one call it: live.js, exercises.js and book/_live/kept.js.
function storedObject(text) {
  try {
    const found = JSON.parse(text);
    return found?.constructor === Object ? found : {};
  } catch {
    return {};
  }
}

focusSearchField();
layOut();
addEventListener("resize", layOutSoon);
addEventListener("load", layOutSoon, { capture: true }); // before theme.js stops the event
document.fonts.addEventListener("loadingdone", layOutSoon); // wider letters may scroll
new MutationObserver(layOutSoon).observe(document.getElementById("main-content"), { subtree: true, childList: true });
addEventListener("click", closeMenus);
addEventListener("keydown", closeMenus);
addEventListener("beforeprint", openAll);
