// What charts and diagrams share: elements, colours and labels.

export const PIXELS = 96; // an inch

export const colour = (name) => `var(--chart-${name})`;

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export const element = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
export const svgElement = (tag, attributes = {}, ...children) => filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// The colours of the book's figures in both themes.
export function themes(palette) {
  const declared = (shade) => Object.entries(palette).map(([name, shades]) => `--chart-${name}:${shades[shade]}`).join(";");
  return element("style", {}, `.live-chart{${declared(0)}}html[data-theme=dark] .live-chart{${declared(1)}}`);
}

// A label without the signs of TeX: "$W_h$" becomes "W_h".
const NAMED = { partial: "∂", varepsilon: "ε", epsilon: "ε", cdot: "·", odot: "⊙", times: "×", top: "ᵀ", infty: "∞", propto: "∝", pm: "±", rightarrow: "→", leftarrow: "←", alpha: "α", beta: "β", gamma: "γ", delta: "δ", lambda: "λ", sigma: "σ", tau: "τ", theta: "θ", rho: "ρ", mu: "μ", pi: "π", eta: "η" };
const ACCENTS = { tilde: "\u0303", overrightarrow: "\u20d7", overleftarrow: "\u20d6" };
export const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const LOWERED = "₀₁₂₃₄₅₆₇₈₉";
const OPERATORS = ["log", "exp", "tanh", "max", "min", "sum"];

const symbols = (formula) =>
  formula
    .replace(/\\[,;: ]|~/g, " ")
    .replace(/\\(\||Vert)\s?/g, "‖")
    .replace(/\\(tilde|overrightarrow|overleftarrow)\s?\{?(\w)\}?/g, (_, accent, letter) => letter + ACCENTS[accent])
    .replace(/\\([a-zA-Z]+)( ?)(?=([a-zA-Z])?)/g, (_, name, __, next) => NAMED[name] ?? (OPERATORS.includes(name) ? name + (next ? " " : "") : ""));

export const plainText = (label) =>
  label.replace(/\$([^$]*)\$/g, (_, formula) =>
    symbols(formula)
      .replace(/[_^]\{?(\d+)\}?/g, (whole, digits) => digits.replace(/\d/g, (d) => (whole[0] === "_" ? LOWERED : RAISED)[d]))
      .replace(/[{}\\]/g, ""),
  );

// The pieces of a label, as they are set: {text, raised: -1, 0 or 1, maths, italic}.
export function pieces(label) {
  return label.split("$").flatMap((part, i) => {
    if (i % 2 === 0) return part ? [{ text: part, raised: 0, maths: false, italic: false }] : [];
    return [...symbols(part).matchAll(/([_^])(\{[^{}]*\}|.)|[^_^]+/gu)].flatMap(([whole, sign, script]) => {
      const raised = { _: -1, "^": 1 }[sign] ?? 0;
      const text = (script ?? whole).replace(/[{}\\]/g, "").replace("ᵀ", "⊤").replace(/-/g, "−");
      // Letters are set in italics, but no names of functions.
      const runs = text.split(/(\p{L}[\p{L}\p{M}]*)/u);
      const isSymbol = (run) => run.replace(/\p{M}/gu, "").length <= 2;
      return runs.map((run, k) => ({ text: run, raised, maths: true, italic: k % 2 === 1 && isSymbol(run) })).filter(({ text }) => text);
    });
  });
}
