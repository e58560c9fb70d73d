// The button "Run the code on this page", on pages with code that a browser can run. Nothing else is loaded
// before it is pressed: then the editor and Python come, from this site (book/_live). A classic script, so that
// a page opened as a file can say why it cannot.
{
  const bar = document.querySelector(".live-bar");
  const base = document.currentScript.src.replace(/[^/]*$/, "");
  const button = bar?.querySelector("button");
  const status = bar?.querySelector("[role=status]");
  let isStarted = false;
  let isAsked = false;
  const recordings = new Map(); // of the boxes whose recorded runs were asked for
  const page = bar && JSON.parse(document.querySelector(".live-cells").textContent);

  // What an earlier visit left in this browser, if it lets us look.
  function left() {
    const found = { edits: 0, solved: {} };
    try {
      found.edits = Object.keys(localStorage).filter((key) => key.startsWith(`unrolled.edit:${page.name}:`)).length;
      found.solved = storedObject(localStorage.getItem("unrolled.solved"));
    } catch {
      // Storage is forbidden.
    }
    return found;
  }

  // What is missing for Python to run here, or nothing.
  function obstacle() {
    if (location.protocol === "file:")
      return "A page opened as a file cannot load Python. Serve the book (make serve) and open the address it prints.";
    if (typeof WebAssembly !== "object")
      return "This browser has WebAssembly switched off or does not know it; Python needs it. Allow it, or use another browser.";
    if (typeof Worker !== "function" || typeof DecompressionStream !== "function")
      return "This browser is too old to run Python in a page (it lacks workers or DecompressionStream). Use a newer one.";
    return "";
  }

  // Says it at the button and at the knobs that were moved.
  function say(text) {
    status.textContent = text;
    for (const knob of document.querySelectorAll("[data-moved]")) {
      const box = knob.closest(".live-knobs");
      if (!isAlone(box)) box.querySelector("[role=status]").textContent = text;
    }
  }

  async function listed() {
    const answer = await fetch(`${base}live/files.json`, { cache: "no-cache" });
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  }

  async function begin() {
    if (button.getAttribute("aria-disabled") === "true") return;
    say(obstacle());
    if (status.textContent) return;
    button.setAttribute("aria-disabled", "true");
    isAsked = true;
    say("Loading …");
    for (const [box, recording] of recordings) {
      if (isAlone(box)) continue;
      recordings.delete(box);
      recording.then((shown) => shown.end(), () => {});
    }
    try {
      const files = await listed();
      const { start } = await import(`${base}${files.scripts}cells.js`);
      await start({ base, files, bar, page });
      button.removeEventListener("click", begin); // from here on the button and the knobs are the page's
      isStarted = true;
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

  // Knobs of a cell that does not run in the page show a recorded run, and nothing else.
  const isAlone = (box) => box.dataset.recorded && !page.cells.some(({ id, knobs }) => knobs && id === box.dataset.cell);

  // Shows what was recorded for a knob (book/_live/recorded.js). What was not asks for Python.
  async function replay(box, input) {
    const line = box.querySelector("[role=status]");
    try {
      if (!recordings.has(box)) {
        line.textContent = "Loading …";
        const opened = async (files) => (await import(`${base}${files.scripts}recorded.js`)).open({ base, files, box });
        recordings.set(box, listed().then(opened));
      }
      const recording = await recordings.get(box);
      if (!input.dataset.name || (isAsked && !isAlone(box))) return;
      if (!recording.show(input)) begin();
    } catch {
      recordings.delete(box);
      line.textContent = location.protocol === "file:" ? "A page opened as a file cannot load the recorded run." : "The recorded run did not come. Is there a connection?";
    }
  }

  // A knob shows what was recorded, or asks for Python, when it is first moved; cells.js finds what it says.
  function turn({ target }) {
    const box = target.closest(".live-knobs");
    const isRecorded = box?.dataset.recorded && (!isAsked || isAlone(box));
    if (!box || (isStarted && !isRecorded)) return;
    target.dataset.moved = "";
    const output = target.nextElementSibling;
    if (output?.matches("output")) output.value = target.type === "checkbox" ? (target.checked ? "True" : "False") : target.value;
    if (isRecorded) replay(box, target);
    else begin();
  }

  // A button beside a knob moves it one step, or lets it play, which is a move too.
  function press({ target }) {
    const pressed = target.closest(".live-play button, .live-own");
    if (!pressed) return;
    const box = pressed.closest(".live-knobs");
    if (pressed.matches(".live-own")) {
      box.querySelector("input, select").dataset.moved = "";
      return begin();
    }
    const knob = pressed.closest(".live-knob").querySelector("input");
    if (!pressed.dataset.by) return recordings.has(box) || turn({ target: pressed });
    if (knob.disabled) return;
    const by = Number(pressed.dataset.by);
    if (knob.dataset.values) {
      const texts = JSON.parse(knob.dataset.values);
      knob.value = texts[Math.min(Math.max(texts.indexOf(knob.value) + by, 0), texts.length - 1)];
    } else if (by > 0) knob.stepUp();
    else knob.stepDown();
    for (const kind of ["input", "change"]) knob.dispatchEvent(new Event(kind, { bubbles: true }));
  }

  if (button) {
    const { edits, solved } = left();
    const done = page.cells.filter((cell) => cell.exercise && solved[cell.exercise]);
    for (const cell of done) document.getElementById(cell.id)?.classList.add("solved");
    const notes = [];
    if (done.length) notes.push(`Solved in this browser: ${done.length} of ${page.cells.filter((c) => c.exercise).length}.`);
    if (edits) notes.push(`Your edits of ${edits === 1 ? "a cell" : `${edits} cells`} are kept and will be there.`);
    status.textContent = notes.join(" ");
    button.addEventListener("click", begin);
    addEventListener("input", turn);
    addEventListener("click", press);
  }
}
