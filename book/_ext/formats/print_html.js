// What the printed page needs to know of its layout: called by pdf.py once fonts and images are there.

const tooWide = (box) => box.scrollWidth > box.clientWidth + 1;

// Makes smaller what is wider than its place, step by step; each step is laid out once for all.
function shrink(boxes, steps) {
  for (const step of steps) {
    boxes = boxes.filter(tooWide);
    boxes.forEach(step);
  }
}

// Every line of code becomes a block, whose continuation is indented.
function wrapLines(pre) {
  pre.classList.add("wrapped");
  const lines = pre.innerHTML.replace(/\n$/, "").split("\n");
  pre.innerHTML = lines.map((line) => `<span class="line">${line}</span>`).join("");
}

function fit() {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const column = document.body.getBoundingClientRect();
  shrink(all("pre"), [(pre) => pre.classList.add("small"), wrapLines]);
  const equations = all("div.math > .katex-display").filter(tooWide);
  const ratios = equations.map((box) => (0.99 * box.clientWidth) / box.scrollWidth);
  equations.forEach((box, i) => { box.style.fontSize = `${ratios[i]}em`; });
  let tables = all("table");
  const steps = [0.94, 0.88, 0.82].map((size) => (table) => { table.style.fontSize = `${8.25 * size}pt`; });
  for (const step of [...steps, (table) => table.classList.add("wrapped")]) {
    tables = tables.filter((table) => table.getBoundingClientRect().right > column.right + 1);
    tables.forEach(step);
  }
}

// Names what is still wider than the column, or has no picture: one line each.
function measure() {
  const column = document.body.getBoundingClientRect();
  const faults = [];
  const where = (node) => node.closest("article")?.querySelector("h1, h2, h3")?.textContent.trim() ?? "the front";
  const say = (node, what) => {
    const text = node.textContent.trim().replace(/\s+/g, " ").slice(0, 60);
    faults.push(`${where(node)}: ${what} <${node.localName}> ${node.getAttribute("aria-label") ?? text}`);
  };
  for (const pre of document.querySelectorAll("pre")) if (tooWide(pre)) say(pre, "clipped");
  for (const node of document.body.querySelectorAll("*")) {
    if (node.parentElement.closest(".katex, svg")) continue;
    const box = node.getBoundingClientRect();
    if (box.width && (box.right > column.right + 1 || box.left < column.left - 1)) say(node, "wider than the page");
  }
  for (const html of document.querySelectorAll(".katex-display .katex-html, .katex > .katex-html")) {
    for (const base of html.children) {
      if (base.getBoundingClientRect().right > column.right + 1) say(base.closest(".katex"), "clipped");
    }
  }
  for (const image of document.images) if (!image.naturalWidth) faults.push(`${where(image)}: no picture ${image.src}`);
  return faults;
}
