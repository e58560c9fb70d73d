// Draws the description of a chart (code/unrolled/drawing/chart.py) in the page, with Observable Plot.
import { areaY, axisX, axisY, dot, identity, line, link, plot, pointer, raster, rect, ruleX, ruleY, text, tip } from "@observablehq/plot";
import { colour, element, PIXELS, plainText, RAISED, themes } from "./labels.js";
import { drawSketch } from "./sketches.js";

export { pieces, plainText } from "./labels.js";

const DASHES = { solid: null, dashed: "5,3", dotted: "1.5,3" };
const TRIANGLE_DOWN = {
  draw(path, size) {
    const y = Math.sqrt(size / (Math.sqrt(3) * 3));
    path.moveTo(0, 2 * y);
    path.lineTo(-Math.sqrt(3) * y, -y);
    path.lineTo(Math.sqrt(3) * y, -y);
    path.closePath();
  },
};
const SYMBOLS = { circle: "circle", square: "square", diamond: "diamond", up: "triangle", down: TRIANGLE_DOWN };
const GAP = 14; // pixels between the names of two curves

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

// A marker's area is that of Matplotlib's marker, `size` points wide.
const radius = ({ size, marker }) => (size * 2) / 3 / (marker === "square" || marker === "diamond" ? Math.sqrt(Math.PI) / 2 : 1);
const onCells = (name) => ["white", "light-orange", "light-green"].includes(name);

// A curve ends at the limits of its axes, where they are set, and a point beyond them is left out.
function lineMarks(mark, panel) {
  const all = points(mark);
  const [x, y] = [domain(panel, "x"), domain(panel, "y")];
  const inside = (value, ends) => !ends || (value - ends[0]) * (value - ends[1]) <= 0;
  const shown = all.filter((p) => inside(p.x, x) && inside(p.y, y));
  const look = { x: "x", y: "y", stroke: colour(mark.colour) };
  const made = [];
  if (mark.dash !== "none") made.push(line(all, { ...look, clip: Boolean(x || y), strokeWidth: (mark.width * 4) / 3, strokeDasharray: DASHES[mark.dash] }));
  if (mark.marker === "cross") made.push(dot(shown, { ...look, r: radius(mark), symbol: "times" }));
  else if (mark.marker) {
    const edge = onCells(mark.colour) ? { stroke: "#000000", strokeWidth: 0.7 } : {};
    made.push(dot(shown, { ...look, ...edge, fill: mark.hollow ? "none" : colour(mark.colour), r: radius(mark), symbol: SYMBOLS[mark.marker] }));
  }
  return made;
}

// The ends of an even grid: half a step beyond its first and last place.
const reach = (at) => {
  const half = (at[1] - at[0]) / 2;
  return [at[0] - half, at.at(-1) + half];
};

function gridSettings({ x, y }) {
  const [[x1, x2], [y1, y2]] = [reach(x), reach(y)];
  return { width: x.length, height: y.length, x1, x2, y1, y2 };
}

// The curve on which a function equals `level`, as straight pieces [x1, y1, x2, y2]: marching squares.
export function crossings({ x, y, values, level }) {
  const found = [];
  for (let i = 0; i + 1 < y.length; i++)
    for (let j = 0; j + 1 < x.length; j++) {
      const corners = [[i, j], [i, j + 1], [i + 1, j + 1], [i + 1, j]];
      const ends = corners.flatMap(([a, b], k) => {
        const [c, d] = corners[(k + 1) % 4];
        const [from, to] = [values[a][b] - level, values[c][d] - level];
        if (from > 0 === to > 0) return [];
        const share = from / (from - to);
        return [[x[b] + share * (x[d] - x[b]), y[a] + share * (y[c] - y[a])]];
      });
      for (let k = 0; k < ends.length; k += 2) found.push([...ends[k], ...ends[k + 1]]);
    }
  return found;
}

const SIDES = {
  right: { dx: 6, textAnchor: "start" },
  left: { dx: -6, textAnchor: "end" },
  above: { dy: -6, lineAnchor: "bottom" },
  below: { dy: 6, lineAnchor: "top" },
  centre: {},
};

const cellsOf = ({ matrix }) => matrix.flatMap((row, i) => row.map((value, j) => ({ i, j, value })));

function cellMarks(mark) {
  const [low, high] = colours(mark);
  const all = cellsOf(mark).filter(({ value }) => value !== null);
  const isDark = ({ value }) => {
    const share = (value - low) / (high - low);
    return mark.signed ? Math.abs(share - 0.5) > 0.3 : share < 0.5;
  };
  const made = [rect(all, { x1: (d) => d.j - 0.5, x2: (d) => d.j + 0.5, y1: (d) => d.i - 0.5, y2: (d) => d.i + 0.5, fill: "value", inset: -0.1, shapeRendering: "crispEdges" })];
  if (mark.number) {
    for (const dark of [true, false])
      made.push(text(all.filter((d) => isDark(d) === dark), { x: "j", y: "i", text: (d) => written(d.value, mark.number), fill: dark ? "#fefefe" : "#000000" }));
  }
  return made;
}

function barMarks({ names, values, colour: fill, number }) {
  const all = names.map((_, i) => ({ i, value: values[i] }));
  const writes = (end, sign) =>
    text(all.filter(({ value }) => value < 0 === sign < 0), { x: "value", y: "i", text: (d) => written(d.value, number), textAnchor: end, dx: 5 * sign, fill: colour("ink") });
  return [rect(all, { x1: 0, x2: "value", y1: (d) => d.i - 0.31, y2: (d) => d.i + 0.31, fill: colour(fill) }), writes("start", 1), writes("end", -1)];
}

// The width of a column: the least distance of two.
const columnWidth = (x) => Math.min(...x.slice(1).map((at, i) => at - x[i]), Infinity);

function columnMarks({ x, heights, colour: fill }) {
  const half = x.length > 1 ? columnWidth(x) / 2 : 0.5;
  return [rect(x, { x1: (at) => at - half, x2: (at) => at + half, y1: 0, y2: (_, i) => heights[i], fill: colour(fill) })];
}

function referenceMarks(mark) {
  const rule = mark.axis === "y" ? ruleY : ruleX;
  const look = { stroke: colour("grey"), strokeDasharray: DASHES[mark.dash], strokeWidth: 1.2 };
  const above = { x: [mark.at], text: [plainText(mark.name)], frameAnchor: "top", lineAnchor: "bottom", dy: -4, fill: colour("grey") };
  return [rule([mark.at], look), ...(mark.axis === "x" && mark.name ? [text([mark.at], above)] : [])];
}

function noteMarks(mark) {
  const look = { x: [mark.x], y: [mark.y], text: [plainText(mark.text)], rotate: -mark.angle, fill: colour(mark.colour), ...SIDES[mark.side] };
  return [text([mark], look)];
}

const MARKS = {
  line: lineMarks,
  bars: barMarks,
  columns: columnMarks,
  reference: referenceMarks,
  note: noteMarks,
  cells: cellMarks,
  band: (mark) => {
    const shown = mark.x.map((x, i) => ({ x, low: mark.low[i] ?? NaN, high: mark.high[i] ?? NaN }));
    return [areaY(shown, { x: "x", y1: "low", y2: "high", fill: colour(mark.colour), fillOpacity: 0.2 })];
  },
  field: (mark) => [raster(mark.values.flat(), { ...gridSettings(mark), fill: identity })],
  contour: (mark) => [link(crossings(mark), { x1: "0", y1: "1", x2: "2", y2: "3", stroke: colour(mark.colour), strokeWidth: (mark.width * 4) / 3, strokeLinecap: "round" })],
};

// What a reader can point at: for each curve, bar chart or row of cells, its points [{x, y, says}].
export function series({ marks }) {
  return marks.flatMap((mark) => {
    const name = plainText(mark.name ?? "");
    if (mark.kind === "line" && name) return [points(mark).filter(({ y }) => !Number.isNaN(y)).map((p) => ({ ...p, says: `${name}\n${written(p.x)}, ${written(p.y)}` }))];
    if (mark.kind === "bars") return [mark.values.map((x, y) => ({ x, y, says: `${plainText(mark.names[y])}\n${written(x)}` }))];
    if (mark.kind === "columns") return [mark.x.map((x, i) => ({ x, y: mark.heights[i], says: `${written(x)}\n${written(mark.heights[i])}` }))];
    if (mark.kind === "cells") {
      const called = (names, k) => plainText(names?.[k] ?? String(k));
      const point = (value, i, j) => ({ x: j, y: i, value, says: `${called(mark.rows, i)}, ${called(mark.columns, j)}\n${written(value)}` });
      return mark.matrix.map((row, i) => row.map((value, j) => point(value, i, j)).filter(({ value }) => value !== null));
    }
    if (mark.kind === "field") return mark.y.map((y, i) => mark.x.map((x, j) => ({ x, y, says: `${written(x)}, ${written(y)}\n${written(mark.values[i][j])}` })));
    return [];
  }).filter((found) => found.length);
}

const namesCurve = ({ kind, name, labelled }) => kind === "line" && name && labelled;

// The name and the last height of each labelled curve and each named horizontal line.
const endsOf = (panel) =>
  panel.marks.flatMap((mark) => {
    if (namesCurve(mark)) return [{ name: plainText(mark.name), y: mark.y.findLast((v) => v !== null), colour: mark.colour }];
    if (mark.kind === "reference" && mark.name && mark.axis === "y") return [{ name: plainText(mark.name), y: mark.at, colour: "grey" }];
    return [];
  });

const extent = (values) => [Math.min(...values), Math.max(...values)];

// The ends of the colour scale of cells or of a field.
function colours({ limits, signed, matrix, values }) {
  const finite = (matrix ?? values).flat().filter((value) => value !== null);
  const largest = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return limits ?? (signed ? [-largest, largest] : finite.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]));
}

// The numbers that the marks place on an axis, where an end of the axis is left to them.
const placed = (marks, axis) =>
  marks.flatMap((mark) => {
    if (mark.kind === "reference") return mark.axis === axis ? [mark.at] : [];
    if (mark.kind === "band" && axis === "y") return [...mark.low, ...mark.high];
    if (mark.kind === "columns" && axis === "y") return [0, ...mark.heights];
    if (mark.kind === "bars" && axis === "x") return [0, ...mark.values];
    return [mark[axis] ?? []].flat();
  }).filter((value) => value !== null);

function domain(panel, axis) {
  const { limits } = panel[axis];
  const cells = panel.marks.find(({ kind }) => kind === "cells");
  if (cells) return axis === "x" ? [-0.5, cells.matrix[0].length - 0.5] : [cells.matrix.length - 0.5, -0.5];
  const bars = panel.marks.find(({ kind }) => kind === "bars");
  if (bars && axis === "y") return [bars.names.length - 0.5, -0.5];
  if (bars && !limits) {
    const [low, high] = extent(placed(panel.marks, "x"));
    return [low - (low < 0 ? 0.12 * (high - low) : 0), high + (high > 0 ? 0.12 * (high - low) : 0)];
  }
  if (!limits) return null;
  const [low, high] = extent(placed(panel.marks, axis));
  return [limits[0] ?? low, limits[1] ?? high];
}

// Whole numbers for `count` cells: at most ten.
function wholeNumbers(count) {
  const step = [1, 2, 5, 10, 20, 50, 100].find((s) => count / s <= 10) ?? Math.ceil(count / 10);
  return Array.from({ length: Math.ceil(count / step) }, (_, k) => k * step);
}

// Where an axis has its ticks and what is written there: {} if that is left to Plot.
function ticksOf(panel, axis) {
  const { ticks, names, scale } = panel[axis];
  const written = (at, given) => ({ ticks: at, tickFormat: (v) => plainText(given ? given[at.indexOf(v)] : String(v)) });
  if (ticks) return written(ticks, names);
  const [first] = panel.marks;
  if (first?.kind === "cells") {
    const given = axis === "x" ? first.columns : first.rows;
    const count = axis === "x" ? first.matrix[0].length : first.matrix.length;
    return given ? written(given.map((_, k) => k), given) : written(wholeNumbers(count));
  }
  if (first?.kind === "bars" && axis === "y") return written(first.names.map((_, k) => k), first.names);
  return scale === "log" ? { ticks: powers(domain(panel, axis) ?? extent(placed(panel.marks, axis))), tickFormat: power } : {};
}

// Where a logarithmic axis has its numbers: at powers of ten, or at 1, 2 and 5 times them if it is short.
export function powers([one, other]) {
  const [low, high] = extent([one, other].filter((end) => end > 0));
  const between = (factors) => {
    const found = [];
    for (let k = Math.floor(Math.log10(low)); k <= Math.ceil(Math.log10(high)); k++)
      for (const factor of factors) if (factor * 10 ** k >= low * (1 - 1e-9) && factor * 10 ** k <= high * (1 + 1e-9)) found.push(Number(`${factor}e${k}`));
    return found;
  };
  const tens = between([1]);
  if (tens.length < 3) return between([1, 2, 5]);
  const step = Math.ceil(tens.length / 8);
  return tens.filter((_, i) => i % step === 0);
}

// A number of a logarithmic axis, such as 0.01, 200 or 10⁻⁷.
export function power(value) {
  if (value >= 1e-3 && value < 1e5) return String(value);
  const [factor, digits] = value.toExponential().split("e");
  const raised = String(Math.abs(Number(digits))).replace(/\d/g, (d) => RAISED[d]);
  return `${factor === "1" ? "" : `${factor}·`}10${digits.startsWith("-") ? "⁻" : ""}${raised}`;
}

const widest = (texts) => Math.max(0, ...texts.map((text) => 7 * text.length));

function scaleOf(panel, axis) {
  const { label, scale } = panel[axis];
  const ends = domain(panel, axis);
  const named = panel.marks[0] && ["cells", "bars"].includes(panel.marks[0].kind) && (axis === "y" || panel.marks[0].kind === "cells");
  return { type: scale, label: plainText(label) || null, labelArrow: "none", ...(ends && { domain: ends }), ...ticksOf(panel, axis), ...((named || !panel.frame) && { tickSize: 0 }) };
}

// The length of the vertical axis in units of the horizontal one.
function tallness(panel) {
  const [x, y] = ["x", "y"].map((axis) => domain(panel, axis) ?? extent(placed(panel.marks, axis)));
  return Math.abs((y[1] - y[0]) / (x[1] - x[0]));
}

const colouredOf = ({ marks }) => marks.find(({ kind }) => kind === "cells" || kind === "field");
const tickTexts = ({ ticks, tickFormat }) => (tickFormat ? ticks.map(tickFormat) : []);

// The room that the names and numbers of a panel need on its left.
export function leftOf(panel) {
  const coloured = colouredOf(panel);
  return Math.max(coloured?.kind === "cells" ? 40 : 56, 22 + widest(tickTexts(scaleOf(panel, "y"))) + (panel.y.label && coloured ? 14 : 0));
}

function drawPanel(panel, width, height, left = 0) {
  const coloured = colouredOf(panel);
  const ends = panel.legend ? [] : endsOf(panel);
  const scales = { x: scaleOf(panel, "x"), y: scaleOf(panel, "y") };
  const marginLeft = Math.max(left, leftOf(panel));
  const marginRight = Math.max(12, 15 + widest(ends.map(({ name }) => name)));
  const columns = tickTexts(scales.x);
  // Names of columns that do not fit beside one another stand upright.
  const upright = coloured?.columns && widest(columns) * columns.length > width - marginLeft;
  if (upright) scales.x.tickRotate = -90;
  const base = {
    width,
    height: panel.equal ? 24 + 40 + (width - marginLeft - marginRight) * tallness(panel) : height,
    marginRight,
    marginLeft,
    marginBottom: upright ? 40 + widest(columns) : 40,
    marginTop: 24,
    ...scales,
    ...(coloured && { color: { type: "linear", ...(coloured.signed ? { scheme: "PuOr", reverse: true } : { scheme: "cividis" }), domain: colours(coloured), label: plainText(coloured.label), legend: coloured.bar !== false } }),
  };
  const inOrder = [...panel.marks.filter(({ kind }) => kind !== "note"), ...panel.marks.filter(({ kind }) => kind === "note")];
  // Plot would leave out some of the numbers that a logarithmic axis is told to have.
  const axes = [[panel.x, axisX, scales.x], [panel.y, axisY, scales.y]].flatMap(([{ scale }, axis, { ticks, tickFormat }]) => (scale === "log" ? [axis(ticks, { text: tickFormat, labelArrow: "none" })] : []));
  const marks = [...axes, ...inOrder.flatMap((mark) => MARKS[mark.kind](mark, panel))];
  const labels = [];
  if (ends.length) {
    const { apply } = plot({ ...base, marks }).scale("y");
    const heights = ends.map(({ y }) => apply(y));
    labels.push(
      ...moveApart(heights, GAP).map((at, i) =>
        text([ends[i]], { y: "y", text: "name", frameAnchor: "right", textAnchor: "start", dx: 9, dy: at - heights[i], fill: colour(ends[i].colour), fontSize: 12 }),
      ),
    );
  }
  const hover = tip(series(panel).flat(), pointer({ x: "x", y: "y", title: "says", fill: colour("ground"), stroke: colour("grey") }));
  hover.ariaLabel = undefined; // a group within a picture may have no name
  const drawn = plot({ ...base, marks: [...marks, ...labels, hover] });
  return { drawn, place: { x: drawn.scale("x"), y: drawn.scale("y") } };
}

const BARE = { marks: [], x: {}, y: {} };

// The names of the curves of all panels with a legend, each once, with a sample of its curve.
function legend(panels) {
  const marks = panels.filter((panel) => panel.legend).flatMap((panel) => panel.marks.filter(namesCurve));
  const each = new Map(marks.map((mark) => [mark.name, mark]));
  const sample = (mark) => plot({ width: 28, height: 12, margin: 1, axis: null, x: { domain: [0, 2] }, y: { domain: [0, 2] }, marks: [...lineMarks({ ...mark, x: [0, 2], y: [1, 1], marker: "" }, BARE), ...lineMarks({ ...mark, x: [1], y: [1], dash: "none" }, BARE)] });
  const entries = [...each.values()].map((mark) => {
    const drawn = sample(mark);
    drawn.setAttribute("aria-hidden", "true");
    return element("li", {}, drawn, plainText(mark.name));
  });
  return entries.length ? [element("ul", { class: "live-chart-legend" }, ...entries)] : [];
}

// The numbers of a panel: [the heads of the columns, the rows].
export function numbers(panel) {
  const [first] = panel.marks;
  const levels = panel.marks.filter(({ kind, name, axis }) => kind === "reference" && name && axis === (first?.kind === "bars" ? "x" : "y"));
  const levelHeads = levels.map(({ name }) => plainText(name));
  const levelValues = levels.map(({ at }) => at);
  const xHead = plainText(panel.x.label) || "x";
  const yHead = plainText(panel.y.label) || "y";
  if (first?.kind === "cells") {
    const heads = first.matrix[0].map((_, j) => plainText(first.columns?.[j] ?? String(j)));
    return [["", ...heads], first.matrix.map((row, i) => [plainText(first.rows?.[i] ?? String(i)), ...row])];
  }
  if (first?.kind === "field") return [[`${yHead} \\ ${xHead}`, ...first.x.map((x) => written(x))], first.y.map((y, i) => [y, ...first.values[i]])];
  if (first?.kind === "bars") return [["", xHead, ...levelHeads], first.names.map((name, i) => [plainText(name), first.values[i], ...levelValues])];
  if (first?.kind === "columns") return [[xHead, yHead], first.x.map((x, i) => [x, first.heights[i]])];
  const lines = panel.marks.filter(({ kind, name }) => kind === "line" && name);
  if (lines.some(({ x }) => new Set(x).size < x.length || x.some((at, i) => i && at < x[i - 1]))) {
    // Points of a plane: one row for each.
    return [["", xHead, yHead], lines.flatMap(({ name, x, y }) => x.map((at, i) => [plainText(name), at, y[i]]))];
  }
  const bands = panel.marks.filter(({ kind, name }) => kind === "band" && name);
  const columns = [
    ...lines.map(({ name, x, y }) => [plainText(name), x, y]),
    ...bands.flatMap(({ name, x, low, high }) => [[`${plainText(name)}, low`, x, low], [`${plainText(name)}, high`, x, high]]),
  ];
  const at = [...new Set(columns.flatMap(([, x]) => x))].sort((a, b) => a - b);
  const values = columns.map(([, x, y]) => new Map(x.map((place, i) => [place, y[i]])));
  return [
    [xHead, ...columns.map(([name]) => name), ...levelHeads],
    at.map((place) => [place, ...values.map((c) => c.get(place) ?? null), ...levelValues]),
  ];
}

// The numbers of a panel as a file: RFC 4180.
export function csv(panel) {
  const [heads, rows] = numbers(panel);
  const field = (value) => (/[",\n]/.test(value) ? `"${value.replace(/"/g, '""')}"` : value);
  return [heads, ...rows].map((row) => `${row.map((value) => field(String(value ?? ""))).join(",")}\r\n`).join("");
}

function download(text, name) {
  const link = element("a", { download: name, href: URL.createObjectURL(new Blob([text], { type: "text/csv" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function table(panel, number, file) {
  const [heads, rows] = numbers(panel);
  const head = element("tr", {}, ...heads.map((name) => (name ? element("th", { scope: "col" }, name) : element("td"))));
  const body = rows.map((row) => element("tr", {}, ...row.map((value) => element("td", {}, typeof value === "string" ? value : written(value, ".6g")))));
  const title = plainText(panel.title) || `Panel ${number}`;
  const save = element("button", { type: "button", "aria-label": `Download the numbers of ${title} as CSV` }, "Download CSV");
  save.addEventListener("click", () => download(csv(panel), file));
  const caption = element("caption", {}, title, " ", save);
  return element("table", {}, caption, element("thead", {}, head), element("tbody", {}, ...body));
}

// Where an arrow key leads from point `at` of curve `of`: to its neighbours, or to the nearest point of another curve.
export function step(curves, { of, at }, key) {
  const last = curves[of].length - 1;
  if (key === "ArrowRight") return { of, at: Math.min(at + 1, last) };
  if (key === "ArrowLeft") return { of, at: Math.max(at - 1, 0) };
  if (key === "Home") return { of, at: 0 };
  if (key === "End") return { of, at: last };
  const next = Math.min(Math.max(of + (key === "ArrowDown" ? 1 : -1), 0), curves.length - 1);
  const distance = (point) => Math.abs(point.x - curves[of][at].x);
  return { of: next, at: curves[next].reduce((best, point, i) => (distance(point) < distance(curves[next][best]) ? i : best), 0) };
}

const KEYS = ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"];

// Lets a click on a bar or cell, and Enter at the point that arrow keys have reached, set a knob of the chart's cell.
function settable(box, picture, panel, { x, y }, set) {
  const mark = panel.marks.find(({ sets }) => sets);
  if (!mark || !set) return () => {};
  const take = (point) => {
    const across = mark.to[Math.round(point.y)];
    const literal = mark.kind === "cells" ? across?.[Math.round(point.x)] : across;
    if (literal) set(mark.sets, literal);
  };
  picture.style.cursor = "pointer";
  picture.addEventListener("click", ({ clientX, clientY }) => {
    const at = new DOMPoint(clientX, clientY).matrixTransform(picture.getScreenCTM().inverse());
    take({ x: x.invert(at.x), y: y.invert(at.y) });
  });
  box.setAttribute("aria-label", `${box.getAttribute("aria-label")}, and Enter sets ${mark.sets}`);
  return take;
}

// Lets arrow keys move through the points of a panel; a ring shows where, and the value is announced.
function listen(box, picture, panel, place, set) {
  const curves = series(panel);
  if (!curves.length) return;
  const said = element("p", { class: "live-chart-value", "aria-live": "polite" });
  const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [name, value] of Object.entries({ r: 7, fill: "none", stroke: "currentColor", "stroke-width": 2, visibility: "hidden", "aria-hidden": "true" })) ring.setAttribute(name, value);
  picture.append(ring);
  box.append(said);
  box.setAttribute("tabindex", "0");
  let now = null;
  const take = settable(box, picture, panel, place, set);
  box.addEventListener("keydown", (event) => {
    if (event.target === box && event.key === "Enter" && now) return take(curves[now.of][now.at]);
    if (event.target !== box || !KEYS.includes(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    now = now ? step(curves, now, event.key) : { of: 0, at: 0 };
    const point = curves[now.of][now.at];
    ring.setAttribute("cx", place.x.apply(point.x));
    ring.setAttribute("cy", place.y.apply(point.y));
    ring.setAttribute("visibility", "visible");
    said.textContent = point.says.replace("\n", ": ");
  });
  box.addEventListener("blur", () => ring.setAttribute("visibility", "hidden"));
}

// Returns the chart, or diagram, as an element that can be put into the page, where it has `room` pixels. `set` is called with the
// name of a knob and a literal, where a mark can set one. A panel has at least the margin in `lefts` on its left.
export function draw(chart, { label, palette, room = Infinity, file = "chart", set = null, lefts = [] }) {
  if (chart.kind === "sketch") return drawSketch(chart, { label, palette });
  const rows = Math.ceil(chart.panels.length / chart.columns);
  const width = Math.min((chart.width * PIXELS) / chart.columns, room);
  const height = (chart.height * PIXELS) / rows;
  const panels = chart.panels.map((panel, i) => {
    const { drawn, place } = drawPanel(panel, width, height, lefts[i]);
    const name = chart.panels.length > 1 ? `${label}, panel ${i + 1}` : label;
    const picture = drawn.matches("svg") ? drawn : [...drawn.querySelectorAll(":scope > svg")].at(-1); // after its colour bar
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", name);
    // Plot names the groups of an SVG, which may have no name within a picture.
    for (const group of picture.querySelectorAll("g[aria-label]")) {
      group.dataset.mark = group.getAttribute("aria-label");
      group.removeAttribute("aria-label");
    }
    const title = panel.title ? [element("p", { class: "live-chart-title" }, plainText(panel.title))] : [];
    // Panels stand below one another where they would have to shrink by more than a quarter.
    const look = `flex-basis:${Math.round(width / 1.3)}px`;
    const about = `${chart.panels.length > 1 ? `Panel ${i + 1}` : "Chart"}: arrow keys move through its points`;
    const box = element("div", { class: "live-chart-panel", style: look, role: "application", "aria-label": about }, ...title, drawn);
    listen(box, picture, panel, place, set);
    return box;
  });
  const shown = element("details", { class: "live-numbers" }, element("summary", {}, "Show the numbers"));
  // Made when asked for: a table can be long.
  shown.addEventListener("toggle", () => shown.open && shown.children.length === 1 && shown.append(...chart.panels.map((panel, i) => table(panel, i + 1, `${file}${chart.panels.length > 1 ? `-${i + 1}` : ""}.csv`))));
  return element("div", { class: "live-chart" }, themes(palette), ...legend(chart.panels), element("div", { class: "live-chart-panels", style: `max-width:${Math.ceil((width + 10) * chart.columns)}px` }, ...panels), shown);
}
