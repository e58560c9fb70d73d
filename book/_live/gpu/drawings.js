// The charts of the page, as descriptions that book/_live/charts/charts.js draws: the ladder, the roofline, and
// how many sequences at a time the device needs.

const line = (x, y, name, colour, more = {}) => ({ kind: "line", x, y, name, colour, dash: "solid", marker: "", width: 1.8, size: 5, hollow: false, labelled: true, ...more });
const point = (x, y, name, colour) => line([x], [y], name, colour, { dash: "none", marker: "circle", size: 7, labelled: false });
const note = (x, y, text, more = {}) => ({ kind: "note", x, y, text, colour: "ink", side: "right", angle: 0, ...more });
const axis = (label, more = {}) => ({ label, scale: "linear", limits: null, ticks: null, names: null, ...more });
const panel = (marks, x, y, more = {}) => ({ marks, x, y, title: "", legend: false, equal: false, frame: true, ...more });

export function digits(value) {
  if (value >= 1000) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}

// The steps of the ladder that the device takes: the group, and the names of its rungs.
const DEVICE = {
  "training step": { title: "A training step of the posts' network", rungs: { RNN: "WGSL, whole step" } },
  LSTM: { title: "An LSTM, forward", rungs: { "forward, a dispatch a step": "WGSL, dispatch a step", "forward, one dispatch": "WGSL, one dispatch" } },
};

// Milliseconds of the rungs of each step, Python's first; null if there is nothing to compare.
export function ladder(python, rows) {
  const panels = [];
  for (const [group, { title, rungs }] of Object.entries(DEVICE)) {
    const slow = python.filter((row) => row.group === group);
    const fast = Object.keys(rungs).flatMap((rung) => rows.filter((row) => row.group === group && row.size === slow[0]?.size && row.rung === rung));
    if (!slow.length || !fast.length) continue;
    const all = [
      ...slow.map((row) => ({ ...row, name: row.rung, colour: "grey" })),
      ...fast.map((row) => ({ ...row, name: rungs[row.rung], colour: "blue" })),
    ];
    const times = all.map(({ median }) => 1000 * median);
    const marks = all.flatMap(({ quartiles, name, colour }, k) => [
      line(quartiles.map((q) => 1000 * q), [k, k], "", colour),
      point(times[k], k, name, colour),
      note(times[k], k, digits(times[k]), { side: "above" }),
    ]);
    const x = axis("milliseconds", { scale: "log", limits: [Math.min(...times) / 3, 3 * Math.max(...times)] });
    const y = axis("", { limits: [all.length - 0.5, -0.6], ticks: all.map((_, k) => k), names: all.map(({ name }) => name) });
    panels.push(panel(marks, x, y, { title: `${title}, ${slow[0].size}` }));
  }
  return panels.length ? { panels, width: 7.2, height: 2.6 * panels.length, columns: 1 } : null;
}

// The rungs that are points under the roof.
const POINTS = {
  "product, plain": "plain product",
  "product, tiled": "tiled product",
  "product, blocked": "blocked product",
  "output layer, loss and gradient": "output layer",
  "update, descent": "update",
  "LSTM, forward, one dispatch": "LSTM, forward",
  "training step, RNN": "training step",
  "scan, forward, scan": "scan",
};

// Operations a second against operations for each byte, at the largest size of every rung; null without a roof.
export function roofline(rows) {
  const bySize = [...rows].sort((a, b) => a.work - b.work);
  const largest = new Map(bySize.map((row) => [`${row.group}, ${row.rung}`, row])); // the last one stays
  const products = rows.filter(({ group }) => group === "product").map(({ work, median }) => work / median / 1e9);
  const update = largest.get("update, descent");
  if (!products.length || !update) return null;
  const rate = Math.max(...products);
  const bandwidth = update.bytes / update.median / 1e9;
  const found = Object.entries(POINTS).filter(([key]) => largest.has(key));
  const places = found.map(([key, name]) => {
    const { work, bytes, median, size } = largest.get(key);
    return { x: work / bytes, y: work / median / 1e9, name: `${name} (${size})` };
  });
  const ends = [Math.min(...places.map(({ x }) => x)) / 2, Math.max(2 * rate / bandwidth, ...places.map(({ x }) => 2 * x))];
  const grid = Array.from({ length: 60 }, (_, k) => ends[0] * (ends[1] / ends[0]) ** (k / 59));
  const marks = [
    line(grid, grid.map((x) => Math.min(rate, x * bandwidth)), "roof", "green", { labelled: false }),
    ...places.flatMap(({ x, y, name }, k) => [point(x, y, `${k + 1}: ${name}`, "vermilion"), note(x, y, String(k + 1))]),
  ];
  const names = places.map(({ name }, k) => `${k + 1} ${name}`).join(", ");
  const says = `The roof: ${digits(rate)} billion operations a second in the fastest product, and ${digits(bandwidth)} GB a second in the update of ${update.size}. The points: ${names}.`;
  const chart = { panels: [panel(marks, axis("operations for each byte, as the kernel is written", { scale: "log", limits: ends }), axis("billion operations a second", { scale: "log" }))], width: 7, height: 4.2, columns: 1 };
  return { chart, says };
}

// Steps of all sequences a second against the number of sequences; null with fewer than two sizes.
export function saturation(rows, [T, H]) {
  const curves = [["forward, one dispatch", "forward", "blue"], ["backward, one dispatch", "backward", "vermilion"]].flatMap(([rung, name, colour]) => {
    const places = rows.flatMap((row) => {
      const [, length, B, units] = /^T = (\d+), B = (\d+), H = (\d+)$/.exec(row.size) ?? [];
      return row.group === "LSTM" && row.rung === rung && Number(length) === T && Number(units) === H ? [[Number(B), (T * B) / row.median / 1000]] : [];
    });
    places.sort(([a], [b]) => a - b);
    return places.length > 1 ? [line(places.map(([B]) => B), places.map(([, y]) => y), name, colour, { marker: "circle" })] : [];
  });
  if (!curves.length) return null;
  const ticks = [...new Set(curves.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const x = axis("sequences at a time", { scale: "log", ticks, names: ticks.map(String) });
  return { panels: [panel(curves, x, axis("thousand steps a second", { limits: [0, null] }))], width: 6.8, height: 3.4, columns: 1 };
}
