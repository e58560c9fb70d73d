// The button "Run the code on this page", on pages with code that a browser can run. Nothing else is loaded
// before it is pressed: then the editor and Python come, from this site (book/_live). A classic script, so that
// a page opened as a file can say why it cannot.
{
  const bar = document.querySelector(".live-bar");
  const base = document.currentScript.src.replace(/[^/]*$/, "");
  const button = bar?.querySelector("button");
  const status = bar?.querySelector("[role=status]");
  let isStarted = false;
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
    for (const knob of document.querySelectorAll("[data-moved]"))
      knob.closest(".live-knobs").querySelector("[role=status]").textContent = text;
  }

  async function begin() {
    if (button.getAttribute("aria-disabled") === "true") return;
    say(obstacle());
    if (status.textContent) return;
    button.setAttribute("aria-disabled", "true");
    say("Loading …");
    try {
      const answer = await fetch(`${base}live/files.json`, { cache: "no-cache" });
      if (!answer.ok) throw new Error(answer.status);
      const files = await answer.json();
      const { start } = await import(`${base}${files.scripts}cells.js`);
      await start({ base, files, bar, page });
      button.removeEventListener("click", begin); // from here on the button and the knobs are the page's
      removeEventListener("input", turn);
      isStarted = true;
    } catch (error) {
      if (error.name !== "TypeError" && isNaN(error.message)) throw error;
      button.textContent = "Try again";
      button.removeAttribute("aria-disabled");
      say("The files that run the code did not come. Is there a connection, and is the site complete? What is written here is kept.");
    }
  }

  // A knob asks for Python when it is first moved; cells.js finds what it says.
  function turn({ target }) {
    if (!target.closest(".live-knobs")) return;
    target.dataset.moved = "";
    const output = target.nextElementSibling;
    if (output?.matches("output")) output.value = target.type === "checkbox" ? (target.checked ? "True" : "False") : target.value;
    begin();
  }

  // A button beside a slider moves it one step, or lets it play, which asks for Python too.
  function press({ target }) {
    const pressed = target.closest(".live-play button");
    if (!pressed) return;
    const slider = pressed.closest(".live-knob").querySelector("input");
    if (!pressed.dataset.by) return isStarted || turn({ target: pressed });
    if (slider.disabled) return;
    if (pressed.dataset.by === "1") slider.stepUp();
    else slider.stepDown();
    for (const kind of ["input", "change"]) slider.dispatchEvent(new Event(kind, { bubbles: true }));
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
