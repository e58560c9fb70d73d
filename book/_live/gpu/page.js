// What the page On your own GPU does after Start: it opens the GPU, proves the rungs, times them and
// Python's, and shows what it found. Nothing is sent anywhere.

import { Refusal, openGpu } from "./device.js";
import { digits, ladder, roofline, saturation } from "./drawings.js";
import { proved } from "./proofs.js";
import { pythonRungs } from "./python.js";
import { SETTINGS, timed } from "./times.js";

const SOFTWARE = "software adapter, not a GPU";

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A table that a keyboard can scroll.
function table(caption, headers) {
  const body = element("tbody");
  const head = element("tr", {}, ...headers.map((text) => element("th", { scope: "col" }, text)));
  const whole = element("table", { class: "table" }, element("caption", {}, caption), element("thead", {}, head), body);
  const frame = element("div", { class: "own-gpu-table", tabindex: "0", role: "region", "aria-label": caption }, whole);
  const add = (first, ...cells) => body.append(element("tr", {}, element("th", { scope: "row" }, first), ...cells.map((text) => element("td", {}, text))));
  return { frame, add };
}

export function nameOf({ vendor, architecture, device, description }) {
  return [description || device, vendor, architecture].filter(Boolean).join(", ") || "a device that the browser does not name";
}

// The rung of the proofs that a rung of the times depends on.
function proofOf({ group, rung }) {
  if (group === "product") return `product, ${rung}`;
  return group === group.toUpperCase() ? `${group}, ${rung.split(",")[0]}` : group;
}

// What draws a chart below its caption; null if the files of the site's charts did not come.
async function drawing(base, files, results) {
  if (!files) return null;
  const { draw } = await import(`${base}${files.charts}`);
  if (!document.querySelector('link[href$="/live.css"]')) document.head.append(element("link", { rel: "stylesheet", href: `${base}live.css` }));
  return (place, chart, label, caption, file) => {
    const drawn = draw(chart, { label, palette: files.palette, room: results.clientWidth || undefined, file });
    place.append(element("p", { class: "own-gpu-caption" }, caption), drawn);
  };
}

function offerRecord(button, record) {
  const name = nameOf(record.device).toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60);
  const text = `${JSON.stringify(record, null, 1)}\n`;
  button.hidden = false;
  button.onclick = () => {
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = element("a", { href: address, download: `${name}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };
}

// Draws the charts, the ladder after Python has run; what is missing for them is one line.
async function drawAll({ results, charts: [first, second, third], rows, times, what, settings, base, say }) {
  const leaveOut = (text) => results.append(element("p", {}, text));
  const files = await fetch(`${base}live/files.json`, { cache: "no-cache" }).then((answer) => (answer.ok ? answer.json() : null), () => null);
  const show = await drawing(base, files, results).catch(() => null);
  if (!show) return leaveOut("The charts and the rungs of Python are left out: their files did not come from this site.");
  const roof = roofline(rows);
  if (roof) show(second, roof.chart, `Roofline of your device: the points lie at the counted operations for each byte (${what})`, `The roofline (${what}). ${roof.says}`, "roofline");
  const curve = saturation(rows, settings.batched);
  if (curve) show(third, curve, `Steps a second of an LSTM against the number of sequences (${what})`, `Steps of an LSTM in a second, of all sequences together, T = ${settings.batched[0]}, H = ${settings.batched[1]} (${what}).`, "saturation");
  if (!settings.ladder.steps.length && !settings.ladder.recurrences.length) return;
  try {
    const python = await pythonRungs(base, files, settings, say);
    const worst = Math.max(...python.map(({ gap }) => gap));
    if (!(worst <= 1e-3)) throw new Error(`Python's loops and NumPy differ by ${worst.toExponential(1)}.`);
    for (const { group, rung, size, median, quartiles } of python) {
      const [low, high] = quartiles.map((q) => digits(1000 * q));
      times.add(`${group}, ${rung} (processor)`, size, digits(1000 * median), `${low} to ${high}`, "");
    }
    const chart = ladder(python, rows);
    const says = `The ladder: Python's loops and NumPy in this page, on the processor, and the kernels (${what}). A dot is a median, and a line reaches from one quartile to the other.`;
    if (chart) show(first, chart, `Milliseconds of each rung, in Python on the processor and in WGSL (${what})`, says, "ladder");
  } catch (error) {
    leaveOut(`The rungs of Python are left out: ${error.message}`);
  }
}

// Runs everything once; whatever stops it is one line in `status`.
export async function run({ results, status, save, data, settings: given, base }) {
  const settings = { ...SETTINGS, ...given };
  const say = (text) => (status.textContent = text);
  results.replaceChildren();
  save.hidden = true;
  let gpu;
  let inBackground;
  try {
    say("Opening the GPU …");
    gpu = await openGpu();
    const name = nameOf(gpu.info);
    const what = gpu.software ? SOFTWARE : name;
    const clock = gpu.timestamps ? "its own timestamps" : "the clock of the browser, since it offers no timestamps";
    results.append(element("p", { class: "own-gpu-device" }, `The browser gives: ${name}. Times are taken by ${clock}.`));
    if (gpu.software) {
      results.append(element("p", { class: "own-gpu-warning" }, "This is a software adapter, not a GPU: the processor runs the kernels. What follows says nothing about a GPU."));
    }

    const proofs = [];
    const shown = table(`Each rung compared with NumPy in float64 (${what})`, ["Rung", "Largest difference", "Answers"]);
    results.append(shown.frame);
    for await (const found of proved(gpu, data)) {
      proofs.push(found);
      shown.add(found.rung, found.gap ? found.gap.toExponential(1) : "0", found.right ? "right" : "WRONG");
      say(`Compared with NumPy: ${found.rung}`);
    }
    const wrong = new Set(proofs.filter(({ right }) => !right).map(({ rung }) => rung));

    inBackground = () => {
      if (document.visibilityState !== "hidden") return;
      gpu.fault ??= new Refusal("The tab went to the background while it was timed, and browsers slow such tabs down. Its times are thrown away. Press Start to try again.");
    };
    document.addEventListener("visibilitychange", inBackground);
    const times = table(`Milliseconds of one run (${what})`, ["Rung", "Size", "Median", "Quartiles", "Dispatches"]);
    const charts = [element("div"), element("div"), element("div")];
    results.append(times.frame, ...charts);
    const rows = [];
    const leftOut = [];
    for await (const row of timed(gpu, data.kernels, settings)) {
      if (row.begins) {
        say(`Timing: ${row.group}, ${row.size} …`);
        continue;
      }
      const rung = `${row.group}, ${row.rung}`;
      if (wrong.has(proofOf(row))) {
        times.add(rung, row.size, "not shown", "its answers are wrong", "");
      } else if (row.left_out) {
        leftOut.push(row);
        times.add(rung, row.size, "left out", row.left_out, "");
      } else {
        rows.push(row);
        const [low, high] = row.quartiles.map((q) => digits(1000 * q));
        times.add(rung, row.size, digits(1000 * row.median), `${low} to ${high}`, String(row.dispatches));
      }
    }
    gpu.check();
    gpu.free();
    await drawAll({ results, charts, rows, times, what, settings, base, say });
    gpu.check();
    offerRecord(save, {
      format: "unrolled-webgpu-1",
      date: new Date().toISOString().slice(0, 10),
      device: { ...gpu.info, software: gpu.software },
      browser: navigator.userAgent,
      clock: gpu.timestamps ? "timestamps" : "clock",
      kernels: data.digest,
      proofs,
      times: rows,
      left_out: leftOut,
    });
    say(
      wrong.size
        ? `Done. ${wrong.size === 1 ? "A rung gives" : `${wrong.size} rungs give`} wrong answers on this device: ${[...wrong].join("; ")}.`
        : `Done: every rung is right${gpu.software ? ` (${SOFTWARE})` : ""}. Nothing was sent.`,
    );
  } catch (error) {
    results.replaceChildren();
    say((gpu?.fault ?? error).message);
    if (!(error instanceof Refusal) && !gpu?.fault) throw error;
  } finally {
    if (inBackground) document.removeEventListener("visibilitychange", inBackground);
    gpu?.free();
    gpu?.device.destroy();
  }
}
