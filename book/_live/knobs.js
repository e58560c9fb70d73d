// The knobs of a cell: sliders, choices and checkboxes, each of which sets a literal in the cell's text. The page
// is built with them (book/_ext/live/knobs.py); before Python is asked for, live.js shows their values.

// As in knobs.py.
const LITERAL = String.raw`-?[\d._]+(?:[eE][-+]?\d+)?|True|False|None|"[^"\\\n]*"|'[^'\\\n]*'`;

class Knob {
  constructor(input) {
    this.input = input;
    this.name = input.dataset.name;
    this.output = input.nextElementSibling;
    this.line = new RegExp(`^(${this.name}[ \\t]*=[ \\t]*)(${LITERAL})(?=[ \\t]*(?:#.*)?$)`, "gm");
  }

  // Where the literal stands in a text, and what it is; null if there is not one such line.
  find(text) {
    const [first, ...more] = text.matchAll(this.line);
    return first && !more.length ? { from: first.index + first[1].length, literal: first[2] } : null;
  }

  get literal() {
    const { type, checked, value, dataset } = this.input;
    if (type === "checkbox") return checked ? "True" : "False";
    return "float" in dataset && /^-?\d+$/.test(value) ? `${value}.0` : value;
  }

  // The value in words.
  get value() {
    if (this.input.type === "checkbox") return this.input.checked ? "True" : "False";
    return this.input.selectedOptions?.[0]?.text ?? this.input.value;
  }

  // Takes the place of a literal; a number outside the range leaves a slider at its end. False if it cannot show it.
  take(literal) {
    const { input } = this;
    const number = Number(literal.replaceAll("_", ""));
    if (input.type === "checkbox") {
      if (!/^(True|False)$/.test(literal)) return false;
      input.checked = literal === "True";
    } else if (input.type === "range") {
      if (Number.isNaN(number)) return false;
      if (Number(input.value) !== number) input.value = number;
    } else {
      const plain = literal.replace(/^'(.*)'$/, '"$1"');
      const same = ({ value }) => value === plain || (!Number.isNaN(number) && Number(value) === number);
      input.selectedIndex = [...input.options].findIndex(same);
    }
    if (this.output) this.output.value = input.type === "range" && Number(input.value) !== number ? literal : this.value;
    return true;
  }
}

export class Knobs {
  // `moved` is called with a knob and whether its move has ended.
  constructor(box, moved) {
    this.box = box;
    this.status = box.querySelector("[role=status]");
    this.resetButton = box.querySelector("button");
    this.all = [...box.querySelectorAll("[data-name]")].map((input) => new Knob(input));
    for (const knob of this.all) {
      knob.input.addEventListener("input", () => moved(knob, false));
      knob.input.addEventListener("change", () => moved(knob, true));
    }
  }

  say(text, kind = "") {
    if (this.status.textContent !== text) this.status.textContent = text;
    this.status.className = `live-knob-status ${kind}`;
  }

  // Offers to stop a long run; without arguments, it has ended.
  wait(text, stop) {
    this.stopButton?.remove();
    this.stopButton = null;
    if (!stop) return;
    this.say(text);
    this.stopButton = document.createElement("button");
    this.stopButton.type = "button";
    this.stopButton.textContent = "Stop";
    this.stopButton.addEventListener("click", stop);
    this.status.before(this.stopButton);
  }

  // Shows what a text says. A knob whose line is gone has nothing to set until the line is there again.
  sync(text) {
    const lost = this.all.filter((knob) => {
      const found = knob.find(text);
      knob.input.disabled = !(found && knob.take(found.literal));
      return knob.input.disabled;
    });
    if (lost.length) {
      const lines = lost.map(({ name }) => `“${name} = …”`).join(", ");
      this.say(`The code no longer has a line ${lines} that can be set here. Reset brings it back.`, "wrong");
      this.isLost = true;
    } else if (this.isLost) {
      this.say("");
      this.isLost = false;
    }
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
