// Save my answers, and Load: the answers to all exercises that this browser keeps (book/_live/kept.js), as one
// file for a teacher or another computer. Nothing is sent anywhere.
{
  const FORMAT = "unrolled answers";
  const NAME = "unrolled-answers.json";
  const EDIT = "unrolled.edit:";
  const SOLVED = "unrolled.solved";
  const LARGEST = 20_000_000;
  const bar = document.querySelector(".answers-file");
  const [save, load] = bar.querySelectorAll("button");
  const input = bar.querySelector("input");
  const status = bar.querySelector("[role=status]");

  // {exercise: {page, hash}}: the exercises of this edition, with the hash of the text of their cells.
  const known = new Map();
  for (const [page, hashes] of Object.entries(JSON.parse(bar.dataset.exercises)))
    for (const [exercise, hash] of Object.entries(hashes)) known.set(exercise, { page, hash });

  class Trouble extends Error {}

  const counted = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
  const tell = (phase) => dispatchEvent(new CustomEvent("unrolled-answers", { detail: phase }));

  function solved() {
    try {
      const all = JSON.parse(localStorage.getItem(SOLVED));
      return all?.constructor === Object ? all : {};
    } catch (error) {
      if (error instanceof SyntaxError) return {};
      throw error;
    }
  }

  function kept() {
    const found = [];
    for (const key of Object.keys(localStorage).sort()) {
      const [page, exercise, text] = key.startsWith(EDIT) ? key.slice(EDIT.length).split(":") : [];
      if (!page?.startsWith("book/exercises/") || !exercise || /^cell-\d+$/.test(exercise)) continue;
      if (text && !text.startsWith("replaced-")) found.push({ exercise, text, code: localStorage.getItem(key) });
    }
    return found;
  }

  function written() {
    tell("before");
    const answers = kept();
    const ticks = Object.keys(solved()).filter((name) => solved()[name]);
    if (!answers.length && !ticks.length) throw new Trouble("There is nothing to save: no exercise is changed or ticked in this browser.");
    const content = { format: FORMAT, version: 1, saved: new Date().toISOString(), answers, solved: ticks };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
    link.download = NAME;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    return `${counted(answers.length, "answer")} and ${counted(ticks.length, "tick")} saved as ${NAME}, where this browser puts downloads.`;
  }

  function content(text) {
    let found;
    try {
      found = JSON.parse(text);
    } catch {
      throw new Trouble("This file is damaged, or it is no file of answers. Nothing is changed.");
    }
    if (found?.format !== FORMAT) throw new Trouble("This file was not saved by a page of this book. Nothing is changed.");
    if (found.version !== 1) throw new Trouble("This file was saved by a newer edition of this book. Nothing is changed.");
    const isEntry = (entry) => ["exercise", "text", "code"].every((key) => typeof entry?.[key] === "string");
    if (!Array.isArray(found.answers) || !found.answers.every(isEntry)) throw new Trouble("This file is damaged. Nothing is changed.");
    return { answers: found.answers, ticks: Array.isArray(found.solved) ? found.solved : [] };
  }

  // Puts an answer where the page looks for it; a different text of the reader's own is kept beside it.
  function put({ exercise, text, code }, count) {
    const { page, hash } = known.get(exercise);
    const version = /^\w+$/.test(text) ? text : "unknown";
    const key = `${EDIT}${page}:${exercise}:${version}`;
    const own = localStorage.getItem(key);
    if (own !== null && own !== code) {
      localStorage.setItem(`${EDIT}${page}:${exercise}:replaced-${Date.now().toString(36)}`, own);
      count.replaced++;
    }
    localStorage.setItem(key, code);
    count.loaded++;
    if (version !== hash) count.older++;
  }

  async function read(file) {
    if (file.size > LARGEST) throw new Trouble("This file is too large to be a file of answers. Nothing is changed.");
    const { answers, ticks } = content(await file.text());
    const here = answers.filter(({ exercise }) => known.has(exercise));
    const count = { loaded: 0, older: 0, replaced: 0 };
    tell("before");
    try {
      for (const answer of here) put(answer, count);
      const names = ticks.filter((name) => known.has(name));
      localStorage.setItem(SOLVED, JSON.stringify({ ...solved(), ...Object.fromEntries(names.map((name) => [name, true])) }));
    } catch (error) {
      if (error.name !== "QuotaExceededError") throw error;
      throw new Trouble(`This browser's storage is full. Loaded: ${count.loaded} of ${here.length}.`);
    } finally {
      tell("after");
    }
    const said = [`${counted(count.loaded, "answer")} loaded.`];
    if (count.older) said.push(`${count.older} for an earlier text of the exercise, which the cell offers.`);
    if (count.replaced) said.push(`${counted(count.replaced, "cell")} had a different text, which the cell still offers.`);
    const gone = answers.length - here.length;
    if (gone) said.push(`${gone} left out, because this edition has no such exercise.`);
    return said.join(" ");
  }

  async function attempt(action) {
    status.className = "";
    try {
      status.textContent = await action();
    } catch (error) {
      const forbidden = "This browser forbids the page to store anything, so there is nothing to save and nothing can be loaded.";
      if (!(error instanceof Trouble) && error.name !== "SecurityError" && error.name !== "NotReadableError") throw error;
      status.className = "wrong";
      status.textContent = error instanceof Trouble ? error.message : error.name === "SecurityError" ? forbidden : "This file cannot be read.";
    }
  }

  save.addEventListener("click", () => attempt(written));
  load.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    if (file) attempt(() => read(file)).finally(() => (input.value = "")); // the same file can be loaded again
  });
}
