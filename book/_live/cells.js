// The cells of a page, live: an editor for each, Run, Check, Stop and Reset, and what the cell printed.
import { Machine, megabytes, workerSettings } from "./machine.js";
import { Clock } from "./clock.js";
import { hash, Kept } from "./kept.js";
import { Knobs } from "./knobs.js";

const LONG = 8000; // milliseconds after which a run is said to be a long one
const QUICK = 300; // milliseconds of a run that follows a knob while it moves

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A sentence whose `backticks` become code.
function sentence(text) {
  return text.split("`").map((part, i) => (i % 2 ? element("code", { class: "literal" }, part) : part));
}

// A button that keeps the focus when it may not be pressed.
function button(text, label, press) {
  const made = element("button", { type: "button", "aria-label": label }, text);
  made.addEventListener("click", () => made.getAttribute("aria-disabled") !== "true" && press());
  return made;
}

const disable = (made, off) => (off ? made.setAttribute("aria-disabled", "true") : made.removeAttribute("aria-disabled"));

// ` in 3 s`, of a run that took a second or more.
const took = (milliseconds) => (milliseconds < 1000 ? "" : ` in ${Math.floor(milliseconds / 1000)} s`);

class Cell {
  constructor(page, about, number) {
    this.page = page;
    this.about = about;
    this.number = number;
    this.box = document.getElementById(about.id);
    this.shown = this.box.querySelector(".cell_input > *");
    this.original = this.box.querySelector(".cell_input pre").textContent.replace(/\n$/, "");
    // A cell that is slow has a smaller setting here.
    for (const [old, now] of Object.entries(about.smaller ?? {})) this.original = this.original.replace(old, () => now);
    // An exercise keeps its edit under its name, wherever on the page it comes to stand.
    this.key = { name: about.exercise ?? about.id, hash: hash(this.original) };
    this.label = about.exercise ? `the answer, cell ${number}` : `cell ${number}`;
    this.recorded = this.box.querySelector(".cell_output");
    this.pictures = [...this.box.querySelectorAll("img.plot, .chart-bars")];
    const knobs = document.querySelector(`.live-knobs[data-cell="${about.id}"]`);
    if (knobs) this.knobs = new Knobs(knobs, (knob, ended) => this.turn(knob, ended), () => page.isReady && !page.running && !this.pending);
    this.moved = new Set(); // the names that its knobs have set since it ran
  }

  build(makeEditor, edit) {
    const place = element("div", { class: "live-editor" });
    this.shown.hidden = true;
    this.shown.after(place);
    this.editor = makeEditor({
      parent: place,
      text: edit ?? this.original,
      label: `Code of ${this.label}`,
      described: "live-leave",
      onChange: () => this.changed(),
      onRun: () => this.page.run(this),
    });
    this.runButton = button("Run", `Run ${this.label}`, () => this.page.run(this));
    this.stopButton = button("Stop", `Stop ${this.label}`, () => this.page.stop());
    this.resetButton = button("Reset", `Reset ${this.label} to the ${this.about.smaller ? "page" : "book"}'s text`, () => this.reset());
    this.stopButton.hidden = true;
    const buttons = [this.runButton, this.stopButton, this.resetButton];
    if (this.about.exercise) {
      this.checkButton = button("Check", `Check ${this.label}`, () => this.page.run(this, true));
      buttons.splice(1, 0, this.checkButton);
    }
    this.status = element("p", { role: "status" });
    this.output = element("pre", { class: "live-output", tabindex: "0", role: "group", "aria-label": `Output of ${this.label}` });
    this.output.hidden = true;
    place.after(element("div", { class: "live-buttons" }, ...buttons, element("div", { class: "live-status" }, this.status)));
    this.clock = new Clock(this.status);
    if (this.knobs) this.knobs.clock = new Clock(this.knobs.status);
    // What a folded cell with a knob prints stands beside the knob, where it is seen.
    (this.knobs?.box ?? place.nextElementSibling).after(this.output);
    const { seconds, smaller } = this.about;
    const told = Object.entries(smaller ?? {}).map(([old, now]) => `In the page, this cell begins with ${now}, to end sooner. The book's output was computed with ${old}.`);
    if (seconds) told.push(`In the page, this cell takes about ${seconds} seconds.`);
    if (told.length) place.before(element("p", { class: "live-needs" }, told.join(" ")));
    this.marked();
    // What was moved before Python was asked for.
    for (const knob of this.knobs?.all ?? []) if (knob.isMoved) this.turn(knob, true);
    this.knobs?.sync(this.editor.text);
    this.knobs?.resetButton.addEventListener("click", () => this.edited && this.reset());
  }

  get edited() {
    return this.editor.text !== this.original;
  }

  marked() {
    this.box.classList.toggle("edited", this.edited);
    for (const made of [this.resetButton, this.knobs?.resetButton]) if (made) disable(made, !this.edited);
  }

  changed() {
    this.marked();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.keep();
      this.knobs?.sync(this.editor.text);
    }, 250);
  }

  // Writes what a knob says into the text.
  turn(knob, ended) {
    const found = knob.find(this.editor.text);
    if (!found) return this.knobs.sync(this.editor.text);
    if (found.literal !== knob.literal) this.editor.replace(found.from, found.from + found.literal.length, knob.literal);
    knob.take(knob.literal);
    this.moved.add(knob.name);
    this.wasTurned = true;
    this.page.turned(this, ended);
  }

  // Sets a knob to a literal that stands at a mark of the chart.
  set(name, literal) {
    const knob = this.knobs?.all.find((each) => each.name === name);
    if (!knob?.find(this.editor.text)) return;
    const { maxLength } = knob.input;
    if (knob.type === "text" && literal.length - 2 > maxLength) return this.knobs.say(`${name} has at most ${maxLength} characters.`, "wrong");
    if (knob.take(literal)) this.turn(knob, true);
  }

  keep() {
    if (this.waiting === undefined) return;
    clearTimeout(this.waiting);
    this.waiting = undefined;
    const text = this.knobs?.built(this.editor.text) ?? this.editor.text;
    this.page.kept.write(this.key, text === this.original ? null : text);
  }

  reset() {
    this.editor.text = this.original;
    this.keep();
    this.output.hidden = true;
    if (this.recorded) this.recorded.hidden = false;
    this.removeChart(false);
    this.knobs?.sync(this.original);
    // What depends on it follows.
    if (this.wasTurned) {
      for (const knob of this.knobs.all) this.moved.add(knob.name);
      this.page.turned(this, true);
    }
    this.say("The book's text again. Ctrl+Z in the editor brings yours back.");
  }

  say(text, kind = "") {
    this.status.replaceChildren(...sentence(text));
    this.status.className = kind;
  }

  // An edit of an older text of this cell is shown on demand; it is deleted by the reader alone.
  offer({ key, text }) {
    const title = key.includes(":replaced-") ? "Your text before you loaded a file" : "Your edit of an earlier text of this cell";
    const box = element("details", { class: "live-old" }, element("summary", {}, title));
    const use = button("Put it into the cell", `Put your earlier edit into ${this.label}`, () => {
      this.editor.text = text;
      this.keep();
      this.editor.focus();
    });
    const drop = button("Delete it", `Delete your earlier edit of ${this.label}`, () => {
      this.page.kept.drop(key);
      box.remove();
      this.editor.focus();
    });
    box.append(element("pre", { tabindex: "0" }, text), element("div", { class: "live-buttons" }, use, drop));
    this.output.after(box);
  }

  // A quiet run leaves what is shown until there is more to show.
  busy(running, { checking = false, quiet = false } = {}) {
    this.box.setAttribute("aria-busy", running);
    this.stopButton.hidden = !running;
    if (!running) {
      this.clock.stop();
      return this.clear();
    }
    this.isOld = true;
    if (quiet) return;
    this.clear();
    this.say(this.page.isReady ? (checking ? "Checking …" : "Running …") : "Waiting for Python …");
  }

  // Python has begun with the cell.
  begin(checking, quiet) {
    if (quiet) return;
    const text = checking ? "Checking …" : "Running …";
    if (this.status.textContent !== text) this.say(text);
    this.clock.start();
  }

  clear() {
    if (this.isOld) this.output.textContent = "";
    this.isOld = false;
  }

  show(text) {
    this.clear();
    this.output.hidden = false;
    // A recorded figure stays until the page has drawn it again.
    if (this.recorded && !this.pictures.length) this.recorded.hidden = true;
    this.output.append(text);
  }

  // Removes what was drawn before, also from the recorded numbers (chart-numbers.js), and shows or hides the recorded figure and
  // what was printed with it.
  removeChart(hidden) {
    this.chart?.remove();
    this.chart = null;
    for (const old of this.recorded?.querySelectorAll(".live-chart") ?? []) old.remove();
    const beside = this.box.querySelectorAll(".chart-numbers, .cell_output > .output.stream");
    for (const part of [...this.pictures, ...beside]) part.hidden = hidden;
  }

  // Draws the chart that a cell ends in, in the place of the recorded figure.
  async draw(json) {
    try {
      const { draw } = await import(this.page.base + this.page.files.charts);
      const before = this.pictures.at(-1);
      const room = (before ?? this.output).parentElement.clientWidth || undefined;
      const drawn = draw(JSON.parse(json), { label: `Figure of ${this.label}, drawn again`, palette: this.page.files.palette, room, file: this.box.querySelector("figure")?.id, set: (name, literal) => this.set(name, literal) });
      const panels = (chart) => [...(chart?.querySelectorAll(".live-chart-panel") ?? [])];
      const focused = panels(this.chart).indexOf(document.activeElement);
      this.removeChart(true);
      before ? before.after(drawn) : this.output.before(drawn);
      panels(drawn)[focused]?.focus({ preventScroll: true });
      this.chart = drawn;
      return true;
    } catch (error) {
      this.show(`The figure could not be drawn again: ${error.message}\n`);
      return false;
    }
  }
}

class Page {
  constructor({ base, files, bar, page }) {
    this.bar = bar;
    this.base = base;
    this.files = files;
    this.about = page;
    this.line = bar.querySelector("[role=status]");
    // Beside the status, because a screen reader would announce each change in it.
    this.loaded = element("span", { "aria-hidden": "true", class: "live-loaded" });
    this.line.after(this.loaded);
    this.kept = new Kept(page.name, (text) => this.trouble(text));
    this.machine = new Machine(workerSettings(base, files), (state, detail) => this.told(state, detail));
  }

  build(makeEditor) {
    const help = "Ctrl+Enter or Shift+Enter runs a cell, after those above it whose names it uses. ";
    const leave = element("span", { id: "live-leave" }, "Tab indents; Escape, then Tab, leaves the editor.");
    const stays = " Your edits stay in this browser, and no cell can send anything to another site.";
    this.bar.append(element("p", { class: "live-help" }, help, leave, stays));
    this.cells = [];
    this.about.cells.forEach((about, index) => {
      if (about.check) document.getElementById(about.id).hidden = true;
      else if (about.needs) this.explain(about);
      else this.cells.push(new Cell(this, about, index + 1));
    });
    const kept = this.kept.read(this.cells.map((cell) => cell.key));
    this.cells.forEach((cell, i) => {
      cell.build(makeEditor, kept.cells[i]);
      for (const old of kept.old[i]) cell.offer(old);
    });
    const keepAll = () => this.cells.forEach((cell) => cell.keep());
    addEventListener("pagehide", keepAll);
    addEventListener("visibilitychange", keepAll);
    // answers.js reads what is stored, or has just loaded a file.
    addEventListener("unrolled-answers", ({ detail }) => (detail === "before" ? keepAll() : this.reread()));
  }

  // Shows what a file of answers has put into the storage.
  reread() {
    const kept = this.kept.read(this.cells.map((cell) => cell.key));
    this.cells.forEach((cell, i) => {
      if (kept.cells[i] !== null && kept.cells[i] !== cell.editor.text) cell.editor.text = kept.cells[i];
      for (const box of cell.box.querySelectorAll(".live-old")) box.remove();
      for (const old of kept.old[i]) cell.offer(old);
    });
    const solved = this.kept.solved();
    for (const { box, about } of this.cells) box.classList.toggle("solved", Boolean(solved[about.exercise]));
  }

  // A cell that a page cannot run says so, and where it does run.
  explain({ id, needs }) {
    const { url, text } = this.about.elsewhere;
    const where = url ? [element("a", { href: url }, text)] : sentence(text);
    const shown = document.getElementById(id).querySelector(".cell_input");
    shown?.append(element("p", { class: "live-needs" }, `Does not run in the page: it needs ${needs}. `, ...where));
  }

  trouble(text) {
    const note = this.bar.querySelector(".live-trouble") ?? element("p", { class: "live-trouble", role: "alert" });
    this.bar.append(note);
    if (note.textContent !== text) note.textContent = text;
  }

  told(state, detail) {
    if (state === "loaded") {
      if (!this.isReady) this.loaded.textContent = `${megabytes(detail)} loaded`;
      return;
    }
    this.loaded.textContent = "";
    const start = this.bar.querySelector("button");
    this.isReady = state === "ready";
    this.bar.setAttribute("aria-busy", state === "loading");
    if (state === "ready") {
      detail = "Python is ready.";
      performance.mark("live-ready");
    }
    this.line.textContent = detail;
    start.textContent = state === "failed" ? "Try again" : "The code on this page runs";
    disable(start, state !== "failed");
    start.onclick = () => state === "failed" && this.machine.restart();
    for (const cell of this.cells ?? []) {
      if (state === "failed") cell.busy(false);
      if (state !== "ready" && cell.pending) cell.knobs.say(detail);
    }
    if (state === "ready" && this.cells) this.serve();
  }

  // The texts of all cells, as their order is read from them: of a cell that does not run here, others may use what it
  // imports; an exercise stands for itself.
  get texts() {
    const texts = this.about.cells.map(({ imports }) => imports ?? "");
    for (const { about, number, editor } of this.cells) if (!about.exercise) texts[number - 1] = editor.text;
    return texts;
  }

  async run(cell, checking = false) {
    if (this.running) return;
    await this.alone(() => this.runAfter(cell, { checking }));
  }

  // One thing at a time; then what the knobs have asked for in the meantime.
  async alone(task) {
    this.running = true;
    try {
      await task();
    } finally {
      this.running = false;
      this.allow(true);
    }
    this.serve();
  }

  allow(on) {
    for (const { runButton, checkButton } of this.cells) [runButton, checkButton].forEach((b) => b && disable(b, !on));
  }

  // Runs a cell after those that it depends on and that have to run; true if all went well.
  async runAfter(cell, { checking = false, quiet = false } = {}) {
    if (!quiet) this.allow(false);
    if (cell.about.exercise) return this.runOne(cell, { checking });
    if (!quiet) cell.busy(true);
    const { texts } = this;
    const plan = await this.attempt({ question: "plan", texts, index: cell.number - 1 });
    if (plan.lost) return this.finish(cell, plan);
    let before = 0;
    for (const index of plan.cells) {
      const next = this.cells.find(({ number }) => number === index + 1);
      if (!next) await this.attempt({ code: texts[index], where: `cell ${index + 1}`, texts, index }, { show() {} });
      else if (next === cell) return this.runOne(cell, { before, quiet });
      else if (await this.runOne(next)) before++;
      else {
        cell.busy(false);
        if (next.output.textContent) cell.say(`Cell ${next.number}, which has to run first, raised an error.`, "wrong");
        return false;
      }
    }
  }

  async runOne(cell, { checking = false, before = 0, quiet = false } = {}) {
    cell.keep();
    cell.busy(true, { checking, quiet });
    const { texts } = this;
    const code = cell.editor.text;
    const where = `cell ${cell.number}`;
    const exercise = cell.about.exercise;
    let note;
    let from = performance.now();
    // An exercise may have waited for Python.
    const begun = () => {
      from = performance.now();
      note = setTimeout(() => cell.say("Still running. Stop ends it; what the cells have computed is then lost."), LONG);
      cell.begin(checking, quiet);
    };
    const request = exercise ? { alone: true, exercise: checking ? exercise : null } : { texts, index: cell.number - 1 };
    const result = await this.attempt({ code, where, ...request }, cell, begun);
    clearTimeout(note);
    cell.drawn = await cell.drawing;
    cell.drawing = null;
    // The chart of what the cell said before goes; the recorded figure stands for one that cannot be drawn.
    if (cell.drawn === false) cell.removeChart(false);
    else if (result.passed && !cell.drawn && cell.chart) cell.removeChart(true);
    cell.took = performance.now() - from;
    return this.finish(cell, result, checking, before);
  }

  // Says how a run ended; true if nothing was raised.
  finish(cell, result, checking = false, before = 0) {
    cell.busy(false);
    if (result.lost) {
      cell.say(`${result.lost} What the cells had computed is lost; your code is not.`, "wrong");
      return false;
    }
    if (!cell.output.textContent) cell.output.hidden = true;
    if (checking && result.message) {
      cell.say(result.message, result.passed ? "right" : "wrong");
      if (result.passed) this.solved(cell);
    } else if (!result.passed) cell.say("It raised an error, shown below.", "wrong");
    else cell.say(`Ran${took(cell.took)}${before ? `, after ${before} above` : ""}.` + (cell.drawn ? " The figure is drawn again." : cell.output.hidden ? " It printed nothing." : ""));
    return result.passed;
  }

  // A knob of a cell was moved, and let go if `ended`. What moves on while something runs is served after it.
  turned(cell, ended) {
    cell.pending = ended ? "ended" : cell.pending ?? "moving";
    if (!this.isReady) cell.knobs.say(this.line.textContent);
    setTimeout(() => this.serve()); // a key moves it and lets it go at once
  }

  serve() {
    const cell = this.cells.find(({ pending }) => pending);
    if (cell && !this.running && this.isReady) this.alone(() => this.follow(cell));
  }

  // Runs a cell whose knob was moved, and the cells below that depend on it; while the knob moves, only quick ones.
  async follow(cell) {
    const ended = cell.pending === "ended";
    cell.pending = null;
    const { text } = cell.editor;
    const told = cell.knobs.told(cell.moved);
    const known = cell.followed === text; // the last move before the end has been followed
    cell.followed = ended ? null : cell.followed;
    if (ended) cell.moved.clear();
    if (known) return;
    const slow = ({ took = 0 }) => took > QUICK;
    if (slow(cell) && !ended) return;
    const after = await this.attempt({ question: "after", texts: this.texts, index: cell.number - 1 });
    const below = this.cells.filter(({ number }) => after.cells?.includes(number - 1));
    if (ended && [cell, ...below].some(slow)) {
      this.allow(false);
      cell.knobs.say(`${told}. Running …`);
    }
    cell.knobs.clock.start(() => cell.knobs.wait(`${told}. Running …`, () => this.stop()));
    const ran = [];
    for (const next of [cell, ...below]) {
      if (slow(next) && !ended) break;
      if (!(await this.runAfter(next, { quiet: true }))) {
        const why = next.status.textContent.replace("It raised an error, shown below", `Cell ${next.number} raised an error`);
        cell.knobs.say(`${told}. ${why}`, "wrong");
        break;
      }
      ran.push(next);
    }
    cell.knobs.clock.stop();
    cell.knobs.wait();
    if (ran.length !== below.length + 1 && ended) return;
    if (ran.length === below.length + 1 && !ended) cell.followed = text;
    const drawn = ran.filter((each) => each.drawn).length;
    const figures = drawn > 1 ? `${drawn} figures are drawn again.` : "The figure is drawn again.";
    const others = ran.slice(1).map(({ number }) => number);
    const also = others.length ? ` Cell${others.length > 1 ? "s" : ""} ${others.join(", ")} ran as well.` : "";
    if (ran.length) cell.knobs.say(`${told}. ${drawn ? figures : "The output is computed again."}${also}`);
  }

  async attempt(request, cell, begun) {
    // Stop is also for a cell that waits for Python.
    const given = new Promise((resolve) => (this.giveUp = resolve));
    const failed = () => ({ lost: "Python is not there." });
    const draw = (json) => (cell.drawing = cell.draw?.(json));
    return Promise.race([this.machine.run(request, (text) => cell.show(text), draw, begun).catch(failed), given]);
  }

  stop() {
    this.machine.stop();
    this.giveUp?.({ lost: "Stopped. Python starts again." });
  }

  solved(cell) {
    cell.box.classList.add("solved");
    this.kept.solve(cell.about.exercise);
  }
}

// Adds a style sheet to the page.
function addStyle(url) {
  const link = element("link", { rel: "stylesheet", href: url });
  return new Promise((resolve, reject) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", () => {
      link.remove();
      reject(new TypeError(`${url} did not come`));
    });
    document.head.append(link);
  });
}

export async function start(settings) {
  const { base, files } = settings;
  const { editor } = await import(base + files.editor);
  await addStyle(`${base}${files.scripts}editor.css`);
  const page = new Page(settings);
  const ready = page.machine.start();
  page.build(editor);
  ready.catch(() => {}); // the page has been told
}
