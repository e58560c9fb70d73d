// Which exercises are solved in this browser: boxes and counts on the page of all exercises, marks in the lists of
// the chapters. The check of an exercise writes the same entry (book/_live/kept.js).
{
  const KEY = "unrolled.solved";
  let unstored = null; // what the boxes say, where the browser stores nothing

  function solved() {
    try {
      const all = unstored ?? JSON.parse(localStorage.getItem(KEY));
      return all?.constructor === Object ? all : {};
    } catch (error) {
      return error instanceof SyntaxError ? {} : (unstored = {});
    }
  }

  function keep(name, isSolved) {
    const all = { ...solved(), [name]: isSolved };
    if (!isSolved) delete all[name];
    try {
      localStorage.setItem(KEY, JSON.stringify(all));
    } catch {
      unstored = all;
    }
  }

  function time(minutes) {
    return minutes < 120 ? `${minutes} minutes` : `about ${Math.round(minutes / 60)} hours`;
  }

  function add(parent, tag, attributes) {
    const made = Object.assign(document.createElement(tag), attributes);
    parent.append(made);
    return made;
  }

  // One item for each place that names an exercise: its name is in the address that the place links.
  const places = ".exercise-list li, .exercises-here li, .exercise-here";
  const items = [...document.querySelectorAll(places)].flatMap((place) => {
    const link = place.querySelector('a[href*="#ex-"]');
    if (!link) return [];
    const name = link.hash.slice("#ex-".length).replaceAll("-", "_");
    const list = place.closest(".exercise-list");
    const [, minutes] = /(\d+) minutes\s*$/.exec(place.textContent.trim()) ?? [0, 0];
    const item = { name, list, minutes: Number(minutes) };
    if (list) {
      item.box = document.createElement("input");
      item.box.type = "checkbox";
      item.box.setAttribute("aria-label", `Solved: ${link.textContent}`);
      item.box.addEventListener("change", () => {
        keep(name, item.box.checked);
        show();
      });
      place.prepend(item.box);
    } else {
      item.mark = add(place.querySelector("p") ?? place, "span", { className: "solved-mark" });
    }
    return [item];
  });

  function count(of) {
    const open = of.filter((item) => !item.box.checked);
    const left = open.reduce((sum, item) => sum + item.minutes, 0);
    const done = `Solved: ${of.length - open.length} of ${of.length}. `;
    return done + (open.length ? `Open: ${open.length}, ${time(left)}.` : "Nothing is open.");
  }

  const total = document.querySelector(".exercise-count.of-all");

  function show() {
    const all = solved();
    for (const { name, box, mark } of items) {
      if (box) box.checked = Boolean(all[name]);
      else mark.textContent = all[name] ? " · ✓ solved" : "";
    }
    if (!total) return;
    for (const list of new Set(items.map((item) => item.list)))
      list.querySelector(".exercise-count").textContent = count(items.filter((item) => item.list === list));
    const lost = unstored ? " This browser stores nothing for this page: the ticks are gone when you leave it." : "";
    total.textContent = count(items) + lost;
  }

  show();
  total?.setAttribute("role", "status"); // only what changes from here on is announced
  addEventListener("storage", (event) => event.key === KEY && show());
  addEventListener("unrolled-answers", show); // a file of answers may have set ticks
  addEventListener("pageshow", (event) => event.persisted && show());
}
