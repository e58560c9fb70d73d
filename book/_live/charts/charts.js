// Draws the description of a chart (code/unrolled/drawing/chart.py) in the page, with Observable Plot.
import { areaY, cell, dot, line, plot, pointer, ruleX, ruleY, text, tip } from "@observablehq/plot";

const DASHES = { solid: null, dashed: "5,3", dotted: "1.5,3" };
const SYMBOLS = { circle: "circle", square: "square", diamond: "diamond", up: "triangle", down: "triangle2" };
const PIXELS = 96; // an inch
const GAP = 14; // pixels between the names of two curves

const colour = (name) => `var(--chart-${name})`;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A label without the signs of TeX: "$W_h$" becomes "W_h".
const GREEK = { alpha: "α", beta: "β", gamma: "γ", delta: "δ", lambda: "λ", sigma: "σ", tau: "τ", theta: "θ", rho: "ρ" };
export const plainText = (label) =>
  label.replace(/\$([^$]*)\$/g, (_, formula) =>
    formula
      .replace(/\\(\||Vert)\s?/g, "‖")
      .replace(/\\([a-zA-Z]+)/g, (whole, name) => GREEK[name] ?? "")
      .replace(/[{}\\]/g, ""),
  );

// A number as Python's format writes it, for ".2f", ".0f" and ".3g".
export function written(value, format) {
  if (value === null) return "";
  const [, digits, kind] = /^\.(\d+)([fg])$/.exec(format ?? "") ?? [null, 4, "g"];
  return kind === "f" ? value.toFixed(digits) : String(Number(value.toPrecision(Math.max(1, digits))));
}

// The points of a curve; a gap is left where there is no value.
const points = ({ x, y }) => x.map((at, i) => ({ x: at, y: y[i] ?? NaN }));

// Places names at their heights, moved as little as needed until neighbours are `gap` apart.
export function moveApart(heights, gap) {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b]);
  const groups = [];
  for (const i of order) {
    let group = { centre: heights[i], members: [i] };
    let other;
    while ((other = groups.at(-1)) && group.centre - other.centre < (gap * (group.members.length + other.members.length)) / 2) {
      groups.pop();
      const members = [...other.members, ...group.members];
      const total = other.centre * other.members.length + group.centre * group.members.length;
      group = { centre: total / members.length, members };
    }
    groups.push(group);
  }
  const placed = [];
  for (const { centre, members } of groups) members.forEach((i, k) => (placed[i] = centre + gap * (k - (members.length - 1) / 2)));
  return placed;
}

function marksOf(panel) {
  return panel.marks.flatMap((mark) => {
    if (mark.kind === "line") {
      const shown = points(mark);
      const look = { x: "x", y: "y", stroke: colour(mark.colour) };
      const curve = line(shown, { ...look, strokeWidth: mark.dash === "solid" ? 1.8 : 1.2, strokeDasharray: DASHES[mark.dash] });
      return mark.marker ? [curve, dot(shown, { ...look, fill: colour(mark.colour), r: 3, symbol: SYMBOLS[mark.marker] })] : [curve];
    }
    if (mark.kind === "band") {
      const shown = mark.x.map((x, i) => ({ x, low: mark.low[i], high: mark.high[i] }));
      return [areaY(shown, { x: "x", y1: "low", y2: "high", fill: colour(mark.colour), fillOpacity: 0.2 })];
    }
    const rule = mark.axis === "y" ? ruleY : ruleX;
    return [rule([mark.at], { stroke: colour("grey"), strokeDasharray: DASHES[mark.dash], strokeWidth: 1.2 })];
  });
}

// The name and the last height of each curve and each horizontal line.
const endsOf = (panel) =>
  panel.marks.flatMap((mark) => {
    if (mark.kind === "line" && mark.name) return [{ name: mark.name, y: mark.y.findLast((v) => v !== null), colour: mark.colour }];
    if (mark.kind === "reference" && mark.name && mark.axis === "y") return [{ name: mark.name, y: mark.at, colour: "grey" }];
    return [];
  });

const scaleOf = ({ label, scale, limits, ticks }) => ({
  type: scale,
  label: plainText(label),
  labelArrow: "none",
  ...(limits && { domain: limits }),
  ...(ticks ? { ticks, tickFormat: (v) => String(v) } : scale === "log" && { ticks: 5 }),
});

function curvesPanel(panel, width, height) {
  const ends = endsOf(panel).map((end) => ({ ...end, name: plainText(end.name) }));
  const marginRight = Math.max(12, ...ends.map(({ name }) => 12 + 7 * name.length));
  const all = panel.marks.filter(({ kind, name }) => kind === "line" && name).flatMap((mark) => points(mark).map((p) => ({ ...p, name: plainText(mark.name) })));
  const base = { width, height, marginRight, marginLeft: 56, marginBottom: 40, marginTop: 24, x: scaleOf(panel.x), y: scaleOf(panel.y) };
  const marks = marksOf(panel);
  const { apply } = plot({ ...base, marks }).scale("y");
  const heights = ends.map(({ y }) => apply(y));
  const labels = moveApart(heights, GAP).map((at, i) =>
    text([ends[i]], { y: "y", text: "name", frameAnchor: "right", textAnchor: "start", dx: 6, dy: at - heights[i], fill: colour(ends[i].colour), fontSize: 12 }),
  );
  const hover = tip(all, pointer({ x: "x", y: "y", title: (p) => `${p.name}\n${written(p.x)}, ${written(p.y)}`, fill: colour("ground"), stroke: colour("grey") }));
  return plot({ ...base, marks: [...marks, ...labels, hover] });
}

function cellsPanel(panel, width, height) {
  const { matrix, rows, columns, label, signed, limits, number } = panel.marks[0];
  const all = matrix.flatMap((row, i) => row.map((value, j) => ({ i, j, value })));
  const finite = all.map(({ value }) => value).filter((value) => value !== null);
  const largest = Math.max(...finite.map(Math.abs));
  const domain = limits ?? (signed ? [-largest, largest] : [Math.min(...finite), Math.max(...finite)]);
  const names = (given) => ({ tickFormat: (k) => (given ? plainText(given[k]) : String(k)), tickSize: 0, labelArrow: "none" });
  const isDark = ({ value }) => {
    const share = (value - domain[0]) / (domain[1] - domain[0]);
    return signed ? Math.abs(share - 0.5) > 0.3 : share < 0.5;
  };
  return plot({
    width,
    height,
    marginLeft: Math.max(40, 12 + 7 * Math.max(0, ...(rows ?? []).map((name) => plainText(name).length))),
    marginBottom: 40,
    padding: 0,
    x: { label: plainText(panel.x.label), ...names(columns) },
    y: { label: plainText(panel.y.label) || null, ...names(rows) },
    color: { type: "linear", scheme: signed ? "PuOr" : "cividis", domain, label: plainText(label), legend: true },
    marks: [
      cell(all, { x: "j", y: "i", fill: "value" }),
      ...(number ? [text(all, { x: "j", y: "i", text: (d) => written(d.value, number), fill: (d) => (isDark(d) ? "#fefefe" : "#000000") })] : []),
      tip(all, pointer({ x: "j", y: "i", title: (d) => written(d.value), fill: colour("ground"), stroke: colour("grey") })),
    ],
  });
}

// The numbers of a panel: [the heads of the columns, the rows].
export function numbers(panel) {
  const [first] = panel.marks;
  if (first?.kind === "cells") {
    const heads = first.matrix[0].map((_, j) => plainText(first.columns?.[j] ?? String(j)));
    return [["", ...heads], first.matrix.map((row, i) => [plainText(first.rows?.[i] ?? String(i)), ...row])];
  }
  const lines = panel.marks.filter(({ kind, name }) => kind === "line" && name);
  const at = [...new Set(lines.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const columns = lines.map(({ x, y }) => new Map(x.map((place, i) => [place, y[i]])));
  return [[plainText(panel.x.label) || "x", ...lines.map(({ name }) => plainText(name))], at.map((place) => [place, ...columns.map((c) => c.get(place) ?? null)])];
}

function table(panel, number) {
  const [heads, rows] = numbers(panel);
  const head = element("tr", {}, ...heads.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((row) => element("tr", {}, ...row.map((value) => element("td", {}, typeof value === "string" ? value : written(value, ".6g")))));
  const caption = element("caption", {}, plainText(panel.title) || `Panel ${number}`);
  return element("table", {}, caption, element("thead", {}, head), element("tbody", {}, ...body));
}

// Returns the chart as an element that can be put into the page.
export function draw(chart, { label, palette }) {
  const rows = Math.ceil(chart.panels.length / chart.columns);
  const width = (chart.width * PIXELS) / chart.columns;
  const height = (chart.height * PIXELS) / rows;
  const declared = (shade) => Object.entries(palette).map(([name, shades]) => `--chart-${name}:${shades[shade]}`).join(";");
  const style = element("style", {}, `.live-chart{${declared(0)}}html[data-theme=dark] .live-chart{${declared(1)}}`);
  const panels = chart.panels.map((panel, i) => {
    const drawn = panel.marks[0]?.kind === "cells" ? cellsPanel(panel, width, height) : curvesPanel(panel, width, height);
    const name = chart.panels.length > 1 ? `${label}, panel ${i + 1}` : label;
    const picture = drawn.matches("svg") ? drawn : drawn.querySelector(":scope > svg");
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", name);
    const title = panel.title ? [element("p", { class: "live-chart-title" }, plainText(panel.title))] : [];
    return element("div", { class: "live-chart-panel" }, ...title, drawn);
  });
  const shown = element("details", { class: "live-numbers" }, element("summary", {}, "Show the numbers"));
  // Made when asked for: a table can be long.
  shown.addEventListener("toggle", () => shown.open && shown.children.length === 1 && shown.append(...chart.panels.map((panel, i) => table(panel, i + 1))));
  return element("div", { class: "live-chart" }, style, element("div", { class: "live-chart-panels" }, ...panels), shown);
}
