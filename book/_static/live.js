// The button "Run the code on this page" and the knobs, on pages with code that a browser can run. Nothing is loaded before
// one of them is used: then what answers them comes, from this site (book/_live/before_python.js). A classic script, so that
// a page opened as a file can say why it cannot.
{
  const bar = document.querySelector(".live-bar");
  const base = document.currentScript.src.replace(/[^/]*$/, "");
  const page = bar && JSON.parse(document.querySelector(".live-cells").textContent);
  const unanswered = []; // events, while the script comes
  let answer;

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

  // Says it at the button or at the knobs that were used.
  function say(text) {
    for (const { target } of unanswered) target.closest(".live-bar, .live-knobs").querySelector("[role=status]").textContent = text;
  }

  async function hear(event) {
    const { target, type } = event;
    const used = type === "click" ? ".live-bar button, .live-play button, .live-own" : ".live-knobs *";
    if (!target.closest(used)) return;
    const output = target.nextElementSibling;
    if (!answer && output?.matches("output")) output.value = target.type === "checkbox" ? (target.checked ? "True" : "False") : target.value;
    if (answer) return answer(event);
    if (unanswered.push(event) > 1) return;
    if (location.protocol === "file:") {
      say("A page opened as a file cannot load Python. Serve the book (make serve) and open the address it prints.");
      unanswered.length = 0;
      return;
    }
    say("Loading …");
    try {
      const listed = await fetch(`${base}live/files.json`, { cache: "no-cache" });
      if (!listed.ok) throw new Error(listed.status);
      const files = await listed.json();
      answer = (await import(`${base}${files.scripts}before_python.js`)).start({ base, files, bar, page });
    } catch (error) {
      if (error.name !== "TypeError" && isNaN(error.message)) throw error;
      say("The files that run the code did not come. Is there a connection, and is the site complete? What is written here is kept.");
      if (unanswered.some((each) => bar.contains(each.target))) bar.querySelector("button").textContent = "Try again";
    }
    for (const each of unanswered.splice(0)) answer?.(each);
  }

  if (bar) {
    const { edits, solved } = left();
    const done = page.cells.filter((cell) => cell.exercise && solved[cell.exercise]);
    for (const cell of done) document.getElementById(cell.id)?.classList.add("solved");
    const notes = [];
    if (done.length) notes.push(`Solved in this browser: ${done.length} of ${page.cells.filter((c) => c.exercise).length}.`);
    if (edits) notes.push(`Your edits of ${edits === 1 ? "a cell" : `${edits} cells`} are kept and will be there.`);
    bar.querySelector("[role=status]").textContent = notes.join(" ");
    addEventListener("input", hear);
    addEventListener("click", hear);
  }
}
