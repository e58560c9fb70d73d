// The cells of a page, live: an editor for each, Run, Check, Stop and Reset, and what the cell printed.
import { Machine } from "./machine.js";
import { hash, Kept } from "./kept.js";

const LONG = 8000; // milliseconds after which a run is said to be a long one

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

class Cell {
  constructor(page, about, number) {
    this.page = page;
    this.about = about;
    this.number = number;
    this.box = document.getElementById(about.id);
    this.shown = this.box.querySelector(".cell_input > *");
    this.original = this.box.querySelector(".cell_input pre").textContent.replace(/\n$/, "");
    // An exercise keeps its edit under its name, wherever on the page it comes to stand.
    this.key = { name: about.exercise ?? about.id, hash: hash(this.original) };
    this.label = about.exercise ? `the answer, cell ${number}` : `cell ${number}`;
    this.recorded = this.box.querySelector(".cell_output");
    this.pictures = [...this.box.querySelectorAll("img.plot")];
    this.hasRun = false;
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
    this.resetButton = button("Reset", `Reset ${this.label} to the book's text`, () => this.reset());
    this.stopButton.hidden = true;
    const buttons = [this.runButton, this.stopButton, this.resetButton];
    if (this.about.exercise) {
      this.checkButton = button("Check", `Check ${this.label}`, () => this.page.run(this, true));
      buttons.splice(1, 0, this.checkButton);
    }
    this.status = element("p", { role: "status" });
    this.output = element("pre", { class: "live-output", tabindex: "0", role: "group", "aria-label": `Output of ${this.label}` });
    this.output.hidden = true;
    place.after(element("div", { class: "live-buttons" }, ...buttons, this.status), this.output);
    this.marked();
  }

  get edited() {
    return this.editor.text !== this.original;
  }

  marked() {
    this.box.classList.toggle("edited", this.edited);
    disable(this.resetButton, !this.edited);
  }

  changed() {
    this.hasRun = false;
    this.marked();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.keep(), 250);
  }

  keep() {
    if (this.waiting === undefined) return;
    clearTimeout(this.waiting);
    this.waiting = undefined;
    this.page.kept.write(this.key, this.edited ? this.editor.text : null);
  }

  reset() {
    this.editor.text = this.original;
    this.keep();
    this.output.hidden = true;
    if (this.recorded) this.recorded.hidden = false;
    this.removeChart(false);
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

  busy(running, checking) {
    this.box.setAttribute("aria-busy", running);
    this.stopButton.hidden = !running;
    if (running) {
      this.hidden = this.output.hidden;
      this.output.textContent = "";
      this.say(this.page.isReady ? (checking ? "Checking …" : "Running …") : "Waiting for Python …");
    }
  }

  show(text) {
    this.output.hidden = false;
    // A recorded figure stays until the page has drawn it again.
    if (this.recorded && !this.pictures.length) this.recorded.hidden = true;
    this.output.append(text);
  }

  // Removes what was drawn before, also from the recorded numbers (chart-numbers.js), and shows or hides the recorded figure.
  removeChart(hidden) {
    this.chart?.remove();
    this.chart = null;
    for (const old of this.recorded?.querySelectorAll(".live-chart") ?? []) old.remove();
    for (const part of [...this.pictures, ...this.box.querySelectorAll(".chart-numbers")]) part.hidden = hidden;
  }

  // Draws the chart that a cell ends in, in the place of the recorded figure.
  async draw(json) {
    try {
      const { draw } = await import(this.page.base + this.page.files.charts);
      const before = this.pictures.at(-1);
      const room = (before ?? this.output).parentElement.clientWidth || undefined;
      const drawn = draw(JSON.parse(json), { label: `Figure of ${this.label}, drawn again`, palette: this.page.files.palette, room, file: this.box.querySelector("figure")?.id });
      this.removeChart(true);
      before ? before.after(drawn) : this.output.before(drawn);
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
    this.kept = new Kept(page.name, (text) => this.trouble(text));
    const worker = {
      script: `${base}${files.scripts}worker.js`,
      runner: `${base}${files.scripts}live_runner.py`,
      folder: base + files.python,
      wheel: base + files.package,
      absent: files.absent,
    };
    this.machine = new Machine(worker, (state, detail) => this.told(state, detail));
  }

  build(makeEditor) {
    const help = "Ctrl+Enter or Shift+Enter runs a cell, after those above it that have not run yet. ";
    const leave = element("span", { id: "live-leave" }, "Tab indents; Escape, then Tab, leaves the editor.");
    const stays = " Your edits stay in this browser, and no cell can send anything to another site.";
    this.bar.append(element("p", { class: "live-help" }, help, leave, stays));
    this.cells = [];
    this.imports = []; // of cells that do not run here: others may use what these import
    this.about.cells.forEach((about, index) => {
      if (about.check) document.getElementById(about.id).hidden = true;
      else if (about.needs) {
        this.explain(about);
        if (about.imports) this.imports.push({ code: about.imports, where: `cell ${index + 1}`, number: index + 1 });
      }
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
    const box = document.getElementById(id);
    const place = box.querySelector(".cell_input") ?? box;
    place.append(element("p", { class: "live-needs" }, `Does not run in the page: it needs ${needs}. `, ...where));
  }

  trouble(text) {
    const note = this.bar.querySelector(".live-trouble") ?? element("p", { class: "live-trouble", role: "alert" });
    this.bar.append(note);
    if (note.textContent !== text) note.textContent = text;
  }

  told(state, detail) {
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
    if (state === "failed") for (const cell of this.cells) cell.busy(false);
  }

  // Runs a cell, after those above that have not run; an exercise stands for itself.
  async run(cell, checking = false) {
    if (this.running) return;
    this.running = true;
    for (const { runButton, checkButton } of this.cells) [runButton, checkButton].forEach((b) => b && disable(b, true));
    const above = cell.about.exercise ? [] : this.cells.slice(0, this.cells.indexOf(cell));
    let before = 0;
    try {
      for (const unseen of this.imports) {
        if (cell.about.exercise || unseen.hasRun || unseen.number > cell.number) continue;
        unseen.hasRun = (await this.attempt(unseen, { show() {} })).passed;
      }
      for (const other of above) {
        // Asked only now: a changed cell, when it runs, makes those below it run again.
        if (other.about.exercise || other.hasRun) continue;
        before++;
        if (!(await this.runOne(other))) {
          if (other.output.textContent) cell.say(`Cell ${other.number}, which has to run first, raised an error.`, "wrong");
          return;
        }
      }
      await this.runOne(cell, checking, before);
    } finally {
      this.running = false;
      for (const { runButton, checkButton } of this.cells) [runButton, checkButton].forEach((b) => b && disable(b, false));
    }
  }

  async runOne(cell, checking = false, before = 0) {
    cell.keep();
    cell.busy(true, checking);
    const code = cell.editor.text;
    const where = `cell ${cell.number}`;
    const exercise = cell.about.exercise;
    const note = setTimeout(() => cell.say("Still running. Stop ends it; what the cells have computed is then lost."), LONG);
    const result = await this.attempt({ code, where, alone: Boolean(exercise), exercise: checking ? exercise : null }, cell);
    clearTimeout(note);
    const drawn = await cell.drawing;
    cell.drawing = null;
    cell.busy(false);
    if (result.lost) {
      for (const other of [...this.cells, ...this.imports]) other.hasRun = false;
      cell.say(`${result.lost} What the cells had computed is lost; your code is not.`, "wrong");
      return false;
    }
    if (code !== cell.lastRun && !exercise) this.cells.slice(this.cells.indexOf(cell)).forEach((c) => (c.hasRun = false));
    cell.lastRun = code;
    cell.hasRun = !exercise && (checking || result.passed) && cell.editor.text === code;
    if (!cell.output.textContent) cell.output.hidden = true;
    if (checking && result.message) {
      cell.say(result.message, result.passed ? "right" : "wrong");
      if (result.passed) this.solved(cell);
    } else if (!result.passed) cell.say("It raised an error, shown below.", "wrong");
    else cell.say((before ? `Ran, after ${before} above.` : "Ran.") + (drawn ? " The figure is drawn again." : cell.output.hidden ? " It printed nothing." : ""));
    return result.passed;
  }

  async attempt(request, cell) {
    // Stop is also for a cell that waits for Python.
    const given = new Promise((resolve) => (this.giveUp = resolve));
    const failed = () => ({ lost: "Python is not there." });
    const { code, where, alone, exercise } = request;
    return Promise.race([this.machine.run({ code, where, alone, exercise }, (text) => cell.show(text), (json) => (cell.drawing = cell.draw?.(json))).catch(failed), given]);
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

export async function start(settings) {
  const { editor } = await import(settings.base + settings.files.editor);
  const page = new Page(settings);
  const ready = page.machine.start();
  page.build(editor);
  ready.catch(() => {}); // the page has been told
}
