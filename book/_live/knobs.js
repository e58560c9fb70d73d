// The knobs of a cell: sliders, series of sliders, choices, checkboxes and texts, each of which sets a literal in the
// cell's text. The page is built with them (book/_ext/live/knobs.py); before Python is asked for, live.js and
// before_python.js show their values.

// As in knobs.py.
const NUMBER = String.raw`-?[\d._]+(?:[eE][-+]?\d+)?`;
const SERIES = String.raw`[(\[][ \t]*${NUMBER}(?:[ \t]*,[ \t]*${NUMBER})+[ \t]*,?[ \t]*[)\]]`;
const LITERAL = String.raw`${NUMBER}|True|False|None|"[^"\\\n]*"|'[^'\\\n]*'|${SERIES}`;
const UNWRITABLE = /["\\\n]/g; // in a string between double quotes, without escapes
const PACE = 800; // milliseconds between two steps of Play

// The numbers of a literal: one, or those of a series.
const numbersOf = (literal) => literal.replace(/[()[\]_ \t]|,\s*[)\]]$/g, "").split(",").map((part) => (part ? Number(part) : NaN));

class Knob {
  // A series is an element with several inputs.
  constructor(input) {
    this.input = input;
    this.inputs = input.matches(".live-series-steps") ? [...input.querySelectorAll("input")] : [input];
    this.type = this.inputs.length > 1 ? "series" : input.type;
    this.name = input.dataset.name;
    this.output = input.nextElementSibling;
    this.texts = input.dataset.values && JSON.parse(input.dataset.values); // those of a recorded run
    this.line = new RegExp(`^(${this.name}[ \\t]*=[ \\t]*)(${LITERAL})(?=[ \\t]*(?:#.*)?$)`, "gm");
  }

  // Where the literal stands in a text, and what it is; null if there is not one such line.
  find(text) {
    const [first, ...more] = text.matchAll(this.line);
    return first && !more.length ? { from: first.index + first[1].length, literal: first[2] } : null;
  }

  get isMoved() {
    return this.inputs.some(({ dataset }) => "moved" in dataset);
  }

  get literal() {
    const { checked, value, dataset } = this.input;
    const number = (text) => ("float" in dataset && /^-?\d+$/.test(text) ? `${text}.0` : text);
    if (this.type === "series") {
      const [open, close] = dataset.built.startsWith("[") ? "[]" : "()";
      return `${open}${this.inputs.map((input) => number(input.value)).join(", ")}${close}`;
    }
    if (this.type === "text") return `"${value.replace(UNWRITABLE, "")}"`;
    if (this.type === "checkbox") return checked ? "True" : "False";
    return number(value);
  }

  // The value in words.
  get value() {
    if (this.type === "series") return this.inputs.map(({ value }) => value).join(", ");
    if (this.type === "checkbox") return this.input.checked ? "True" : "False";
    if (this.type === "text") return `“${this.input.value}”`;
    return this.input.selectedOptions?.[0]?.text ?? this.input.value;
  }

  // Takes the place of a literal; a number outside the range leaves a slider at its end. False if it cannot show it.
  take(literal) {
    const { input, inputs, type } = this;
    const numbers = numbersOf(literal);
    const [number] = numbers;
    if (type === "checkbox") {
      if (!/^(True|False)$/.test(literal)) return false;
      input.checked = literal === "True";
    } else if (type === "text") {
      if (!/^["']/.test(literal)) return false;
      if (input.value !== literal.slice(1, -1)) input.value = literal.slice(1, -1);
    } else if (type === "range" || type === "series") {
      if (numbers.length !== inputs.length || numbers.some(Number.isNaN)) return false;
      inputs.forEach((slider, k) => {
        if (Number(slider.value) !== numbers[k]) slider.value = numbers[k];
        const isHeld = Number(slider.value) !== numbers[k];
        slider.nextElementSibling.value = isHeld && type === "range" ? literal : slider.value;
      });
    } else {
      const plain = literal.replace(/^'(.*)'$/, '"$1"');
      const same = ({ value }) => value === plain || (!Number.isNaN(number) && Number(value) === number);
      input.selectedIndex = [...input.options].findIndex(same);
    }
    if (type === "checkbox") this.output.value = this.value;
    return true;
  }

  // What a literal that the knob cannot show is told as; nothing if it can.
  beyond(literal) {
    const { min, max, options, selectedIndex } = this.input;
    const [low, high] = this.type === "series" ? [this.inputs[0].min, this.inputs[0].max] : [min, max];
    const isSlider = this.type === "range" || this.type === "series";
    if (isSlider && numbersOf(literal).some((number) => number < Number(low) || number > Number(high))) return `The knob of ${this.name} goes from ${low} to ${high}. The code has ${literal}, and uses it.`;
    if (options && selectedIndex < 0) return `The knob of ${this.name} has the choices ${[...options].map(({ text }) => text).join(", ")}. The code has ${literal}, and uses it.`;
    return "";
  }

  set disabled(off) {
    for (const input of this.inputs) input.disabled = off;
  }
}

export class Knobs {
  // `moved` is called with a knob and whether its move has ended; `isIdle` says whether Play may take its next step. All of
  // it ends with `signal`.
  constructor(box, moved, isIdle, signal) {
    this.box = box;
    this.status = box.querySelector("[role=status]");
    this.resetButton = box.querySelector(":scope > button");
    this.resetButton?.addEventListener("click", () => this.pause(), { signal });
    this.all = [...box.querySelectorAll("[data-name]")].map((input) => new Knob(input));
    for (const knob of this.all) {
      knob.input.addEventListener("input", () => moved(knob, false), { signal });
      knob.input.addEventListener("change", () => moved(knob, true), { signal });
      if (knob.type === "text") knob.input.addEventListener("beforeinput", (event) => this.refuse(knob, event), { signal });
      const run = knob.input.parentElement.querySelector(".live-run");
      run?.addEventListener("click", () => (this.playing ? this.pause() : this.play(knob, run, isIdle)), { signal });
      if (run && "moved" in run.dataset) this.play(knob, run, isIdle); // pressed before this script was there
    }
  }

  // A character that the literal cannot hold is not typed.
  refuse(knob, event) {
    if (!event.data?.match(UNWRITABLE)) return;
    event.preventDefault();
    this.say(`${knob.name} can hold neither " nor \\.`, "wrong");
  }

  // Moves a slider step by step to its end, each time after what depends on it has run, or a text through those recorded.
  play(knob, run, isIdle) {
    const { input } = knob;
    const first = knob.texts?.[0] ?? input.min;
    const isLast = () => (knob.texts ? input.value === knob.texts.at(-1) : Number(input.value) >= Number(input.max));
    let again = isLast(); // at its end, it begins again
    const tick = () => {
      if (!isIdle()) return;
      if (input.disabled || (!again && isLast())) return this.pause();
      if (again) input.value = first;
      else if (knob.texts) input.value = knob.texts[knob.texts.indexOf(input.value) + 1];
      else input.stepUp();
      again = false;
      for (const kind of ["input", "change"]) input.dispatchEvent(new Event(kind, { bubbles: true }));
    };
    run.textContent = "Pause";
    run.setAttribute("aria-label", `${knob.name}: Pause`);
    this.playing = { timer: setInterval(tick, PACE), run, name: knob.name };
  }

  pause() {
    if (!this.playing) return;
    const { timer, run, name } = this.playing;
    clearInterval(timer);
    run.textContent = "Play";
    run.setAttribute("aria-label", `${name}: Play`);
    this.playing = null;
  }

  say(text, kind = "") {
    if (this.status.textContent !== text) this.status.textContent = text;
    this.status.className = `live-knob-status ${kind}`;
  }

  // Offers to stop a long run; without arguments, it has ended.
  wait(text, stop) {
    if (this.stopButton === document.activeElement) this.all[0].inputs[0].focus();
    this.stopButton?.remove();
    this.stopButton = null;
    if (!stop) return;
    this.say(text);
    this.stopButton = document.createElement("button");
    this.stopButton.type = "button";
    this.stopButton.textContent = "Stop";
    this.stopButton.setAttribute("aria-label", `Stop ${this.box.dataset.cell.replace("-", " ")}`);
    this.stopButton.addEventListener("click", stop);
    this.status.before(this.stopButton);
  }

  // Shows what a text says. A knob whose line is gone has nothing to set until the line is there again, and one whose
  // literal lies beyond its range says so.
  sync(text) {
    const beyond = [];
    const lost = this.all.filter((knob) => {
      const found = knob.find(text);
      const isLost = !(found && knob.take(found.literal));
      if (!isLost) beyond.push(knob.beyond(found.literal));
      knob.disabled = isLost;
      return isLost;
    });
    if (lost.length) {
      const lines = lost.map(({ name }) => `“${name} = …”`).join(", ");
      this.note(`The code no longer has a line ${lines} that can be set here. Reset brings it back.`, "wrong");
    } else this.note(beyond.filter(Boolean).join(" "));
  }

  // Says a note once; when it no longer holds, nothing, unless something else is said by then.
  note(text, kind) {
    if (text && text !== this.noted) this.say(text, kind);
    else if (!text && this.noted === this.status.textContent) this.say("");
    this.noted = text;
  }

  // A text with the book's values, which is what is kept: a knob stands at the book's value when the page is opened.
  built(text) {
    for (const knob of this.all) {
      const found = knob.find(text);
      const end = found && found.from + found.literal.length;
      if (found) text = text.slice(0, found.from) + knob.input.dataset.built + text.slice(end);
    }
    return text;
  }

  // `gain is 7.5, kind is relu`, of the knobs that have been moved.
  told(names) {
    return this.all.filter(({ name }) => names.has(name)).map((knob) => `${knob.name} is ${knob.value}`).join(", ");
  }
}
