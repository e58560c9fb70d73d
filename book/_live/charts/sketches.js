// Draws the description of a diagram (code/unrolled/drawing/sketch.py) in the page.
import { colour, element, pieces, PIXELS, plainText, svgElement, themes } from "./labels.js";

const POINT = PIXELS / 72;
const ROOM = 8; // pixels around a diagram
const DASHES = { solid: null, dashed: [3, 1.6], dotted: [1, 1.65] };
const ANCHORS = { right: "start", left: "end" };
// The digits of KaTeX_Math are old-style figures.
const [ITALIC, UPRIGHT] = ["KaTeX_Math, 'Times New Roman', serif", "KaTeX_Main, 'Times New Roman', serif"];
const CODE = "var(--u-mono, monospace)";

const paint = (name) => (name ? colour(name) : "none");

function look({ colour: edge, fill, line, dash, name }) {
  const dashes = DASHES[dash ?? "solid"]?.map((part) => part * line * POINT);
  return { stroke: paint(edge), fill: paint(fill), "stroke-width": line * POINT, "stroke-dasharray": dashes?.join() ?? null, "data-name": name || null };
}

function box(shape, { at, unit }) {
  const [x, y] = at(shape.x - shape.width / 2, shape.y + shape.height / 2);
  return [svgElement("rect", { x, y, width: shape.width * unit, height: shape.height * unit, rx: shape.corner * unit, ...look(shape) })];
}

function ellipse(shape, { at, unit }) {
  const [cx, cy] = at(shape.x, shape.y);
  return [svgElement("ellipse", { cx, cy, rx: (shape.width * unit) / 2, ry: (shape.height * unit) / 2, ...look(shape) })];
}

// A line; an arrowhead has the shape of Matplotlib's: 4 points long and wide, with a tip that ends where the line would.
function path(shape, { at }) {
  const places = shape.points.map(([x, y, ...rest]) => [[x, y], rest].filter((place) => place.length).map((place) => at(...place)));
  const [before, end] = places.flat().slice(-2);
  const made = look(shape);
  const heads = [];
  if (shape.head) {
    const along = [0, 1].map((k) => (before[k] - end[k]) / Math.hypot(before[0] - end[0], before[1] - end[1]));
    const back = (distance, aside = 0) => [end[0] + distance * along[0] - aside * along[1], end[1] + distance * along[1] + aside * along[0]];
    const spare = (shape.line * POINT * Math.sqrt(5)) / 2;
    const corners = [back(spare + 4 * POINT, 2 * POINT), back(spare), back(spare + 4 * POINT, -2 * POINT)];
    heads.push(svgElement("path", { d: `M${corners.join("L")}Z`, fill: made.stroke, stroke: made.stroke, "stroke-width": made["stroke-width"] }));
    places[places.length - 1].splice(-1, 1, back(spare));
  }
  const d = places.map((place, i) => `${i ? (place.length === 1 ? "L" : "Q") : "M"}${place.join(" ")}`).join("");
  return [svgElement("path", { d: shape.fill ? `${d}Z` : d, "stroke-linejoin": shape.fill ? "miter" : "round", ...made }), ...heads];
}

// A label with its indices: a piece of it is lowered or raised, and the piece after it is brought back.
function text(shape, { at }) {
  const size = shape.size * POINT;
  const [x, y] = at(shape.x, shape.y);
  const away = shape.away * POINT;
  const across = { right: away, left: -away }[shape.side] ?? 0;
  const down = { above: -0.2 * size - away, below: 0.8 * size + away }[shape.side] ?? 0.35 * size;
  const turned = shape.angle ? ` rotate(${-shape.angle})` : "";
  let lifted = 0;
  const parts = pieces(shape.text).map(({ text: words, raised, maths, italic }) => {
    const lift = raised && (raised < 0 ? -0.22 : 0.36) * size;
    const part = svgElement("tspan", { dy: lifted - lift, "font-size": raised ? 0.7 * size : null, "font-family": maths ? (italic ? ITALIC : UPRIGHT) : null, "font-style": italic ? "italic" : null }, words);
    lifted = lift;
    return part;
  });
  const made = { transform: `translate(${x},${y})${turned}`, x: across, y: down, "text-anchor": ANCHORS[shape.side] ?? "middle", fill: paint(shape.colour), "font-size": size, "font-family": shape.code ? CODE : null, style: "white-space: pre" };
  return [svgElement("text", made, ...parts)];
}

const SHAPES = { box, ellipse, path, text };

// Returns a diagram as an element that can be put into the page.
export function drawSketch(sketch, { label, palette }) {
  const unit = sketch.scale * PIXELS;
  const at = (x, y) => [(x - sketch.left) * unit, (sketch.bottom + sketch.height - y) * unit];
  const shapes = svgElement("g", {}, ...sketch.shapes.flatMap((shape) => SHAPES[shape.kind](shape, { at, unit })));
  const said = sketch.shapes.filter(({ kind }) => kind === "text").map((shape) => plainText(shape.text));
  const picture = svgElement("svg", { role: "img", "aria-label": label }, svgElement("desc", {}, said.join(", ")), shapes);
  const drawn = element("div", { class: "live-chart live-sketch" }, themes(palette), element("div", { class: "live-chart-panel" }, picture));
  // Texts are measured in the page, where their fonts are.
  drawn.style.cssText = "position: absolute; visibility: hidden";
  document.body.append(drawn);
  const box = shapes.getBBox();
  drawn.remove();
  drawn.style.cssText = "";
  const [left, top] = [Math.min(0, box.x) - ROOM, Math.min(0, box.y) - ROOM];
  const width = Math.max(sketch.width * unit, box.x + box.width) - left + ROOM;
  const height = Math.max(sketch.height * unit, box.y + box.height) - top + ROOM;
  for (const [name, value] of Object.entries({ width, height, viewBox: [left, top, width, height].join(" ") })) picture.setAttribute(name, value);
  picture.style.cssText = "max-width: 100%; height: auto";
  return drawn;
}
