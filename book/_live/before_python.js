// What answers the button "Run the code on this page" and the knobs until Python is there: recorded runs are shown, and
// anything else asks for Python (cells.js).

export function start({ base, files, bar, page }) {
  const button = bar.querySelector("button");
  const status = bar.querySelector("[role=status]");
  const recordings = new Map(); // of the boxes whose recorded runs were asked for
  let isStarted = false;
  let isAsked = false;

  // What is missing for Python to run here, or nothing.
  function obstacle() {
    if (typeof WebAssembly !== "object")
      return "This browser has WebAssembly switched off or does not know it; Python needs it. Allow it, or use another browser.";
    if (typeof Worker !== "function" || typeof DecompressionStream !== "function")
      return "This browser is too old to run Python in a page (it lacks workers or DecompressionStream). Use a newer one.";
    return "";
  }

  // Says it at the button and at the knobs that were moved.
  function say(text) {
    status.textContent = text;
    for (const knob of document.querySelectorAll("[data-moved]")) knob.closest(".live-knobs").querySelector("[role=status]").textContent = text;
  }

  async function begin() {
    if (isAsked) return;
    say(obstacle());
    if (status.textContent) return;
    button.setAttribute("aria-disabled", "true");
    isAsked = true;
    say("Loading …");
    for (const recording of recordings.values()) recording.then((shown) => shown.end(), () => {});
    recordings.clear();
    try {
      const { start: startCells } = await import("./cells.js");
      await startCells({ base, files, bar, page });
      isStarted = true; // from here on the button and the knobs are the page's
      for (const own of document.querySelectorAll(".live-own")) {
        const box = own.parentElement;
        if (own === document.activeElement) box.querySelector("input").focus();
        own.remove();
        if (!box.querySelector("[data-moved]")) box.querySelector("[role=status]").textContent = "";
      }
    } catch (error) {
      if (error.name !== "TypeError" && isNaN(error.message)) throw error;
      isAsked = false;
      button.textContent = "Try again";
      button.removeAttribute("aria-disabled");
      say("The files that run the code did not come. Is there a connection, and is the site complete? What is written here is kept.");
    }
  }

  // Shows what was recorded for a knob (recorded.js). What was not asks for Python.
  async function replay(box, input) {
    const line = box.querySelector("[role=status]");
    try {
      if (!recordings.has(box)) {
        line.textContent = "Loading …";
        recordings.set(box, import("./recorded.js").then(({ open }) => open({ base, files, box })));
      }
      const recording = await recordings.get(box);
      if (!input.dataset.name || isAsked) return;
      if (!recording.show(input)) begin();
    } catch {
      recordings.delete(box);
      line.textContent = "The recorded run did not come. Is there a connection?";
    }
  }

  // A knob shows what was recorded, or asks for Python, when it is first moved; cells.js finds what it says.
  function turn(input) {
    const box = input.closest(".live-knobs");
    if (isStarted) return;
    input.dataset.moved = "";
    const output = input.nextElementSibling;
    if (output?.matches("output")) output.value = input.type === "checkbox" ? (input.checked ? "True" : "False") : input.value;
    if (box.dataset.recorded && !isAsked) replay(box, input);
    else begin();
  }

  // A button beside a knob moves it one step, or lets it play, which is a move too.
  function press(pressed) {
    const box = pressed.closest(".live-knobs");
    if (pressed.matches(".live-own")) {
      box.querySelector("input, select").dataset.moved = "";
      return begin();
    }
    const knob = pressed.closest(".live-knob").querySelector("input");
    if (!pressed.dataset.by) return recordings.has(box) || turn(pressed);
    if (knob.disabled) return;
    const by = Number(pressed.dataset.by);
    if (knob.dataset.values) {
      const texts = JSON.parse(knob.dataset.values);
      knob.value = texts[Math.min(Math.max(texts.indexOf(knob.value) + by, 0), texts.length - 1)];
    } else if (by > 0) knob.stepUp();
    else knob.stepDown();
    for (const kind of ["input", "change"]) knob.dispatchEvent(new Event(kind, { bubbles: true }));
  }

  // Answers a move of a knob or a click that live.js has heard.
  return ({ target, type }) => {
    if (type === "input") return turn(target);
    const pressed = target.closest("button");
    if (!bar.contains(pressed)) press(pressed);
    else if (!isStarted) begin();
  };
}
