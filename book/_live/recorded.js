// A recorded run: before Python is asked for, a knob shows what its cell gave for each of its values when the book was
// built (book/_ext/execution/recorded_runs.py).
import { Knobs } from "./knobs.js";

// The frames of a file, in which each long part stands once.
function framesOf({ parts, frames }) {
  const made = [];
  const whole = (value) => {
    if (Array.isArray(value)) return value.map(whole);
    if (value === null || typeof value !== "object") return value;
    return "part" in value ? made[value.part] : Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, whole(inner)]));
  };
  for (const part of parts) made.push(whole(part));
  return whole(frames);
}

const isSame = (one, other) => one === other || (one !== "" && other !== "" && Math.abs(one - other) < 1e-9);

async function read(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

class Recording {
  constructor(box, frames, { draw, leftOf }, palette) {
    Object.assign(this, { box, frames, draw, palette, ends: new AbortController() });
    // Panels keep their places while the names of their bars change.
    this.lefts = frames[0].chart.panels.map((_, i) => Math.max(...frames.map(({ chart }) => leftOf(chart.panels[i]))));
    this.cell = document.getElementById(box.dataset.cell);
    this.knobs = new Knobs(box, () => {}, () => true, this.ends.signal); // before_python.js shows each move
    delete box.querySelector(".live-run")?.dataset.moved;
  }

  // Shows the frame of a knob that was moved; false if there is none, which is for Python.
  show(input) {
    const frame = !input.disabled && this.frames.find(({ value }) => isSame(value, input.value));
    const others = this.box.querySelectorAll("[data-moved]:not(.live-run)");
    if (!input.dataset.name || !frame || [...others].some((other) => other !== input)) return false;
    const knob = this.knobs.all.find((each) => each.input === input);
    const output = this.cell.querySelector(".cell_output");
    const pictures = [...output.querySelectorAll(".chart-bars, img.plot")];
    const before = pictures.at(-1);
    const old = output.querySelectorAll(".live-chart");
    const room = before.parentElement.clientWidth || undefined;
    const drawn = this.draw(frame.chart, { label: `Recorded: ${knob.name} is ${knob.value}`, palette: this.palette, room, lefts: this.lefts, file: this.cell.querySelector("figure")?.id });
    for (const part of old) part.remove();
    for (const part of [...pictures, ...this.cell.querySelectorAll(".chart-numbers, .cell_output > .output.stream")]) part.hidden = true;
    if (frame.said) {
      const said = document.createElement("pre");
      said.className = "live-output";
      said.textContent = frame.said;
      drawn.prepend(said);
    }
    before.after(drawn);
    this.knobs.say(`${knob.name} is ${knob.value}, from a recorded run. “Run it yourself” starts Python.`);
    return true;
  }

  // Python takes over.
  end() {
    this.knobs.pause();
    this.ends.abort();
  }
}

export async function open({ base, files, box }) {
  const [recorded, charts] = await Promise.all([read(`${base}../_charts/${box.dataset.recorded}`), import(base + files.charts)]);
  return new Recording(box, framesOf(recorded), charts, files.palette);
}
