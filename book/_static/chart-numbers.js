// "Show the numbers" below each chart. When it is opened, the chart is drawn again from its description in the place of its
// picture, so that a reader can point at its values, with a table of its numbers. Neither needs Python.

for (const picture of document.querySelectorAll("img.chart.light-twin")) {
  const asked = document.createElement("details");
  const summary = document.createElement("summary");
  const said = document.createElement("p");
  asked.className = "live-numbers chart-numbers";
  summary.textContent = "Show the numbers";
  said.setAttribute("role", "status");
  asked.append(summary, said);
  const figure = picture.closest("figure");
  const [root, name] = picture.src.split("_images/");

  async function load(address) {
    const answer = await fetch(root + address);
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  }

  asked.addEventListener("toggle", async () => {
    if (!asked.open || asked.hidden) return;
    said.textContent = "Loading …";
    try {
      const [chart, files] = await Promise.all([load(`_charts/${name.replace(".svg", ".json")}`), load("_static/live/files.json")]);
      const { draw } = await import(`${root}_static/${files.charts}`);
      const room = asked.parentElement.clientWidth || undefined;
      const drawn = draw(chart, { label: picture.alt, palette: files.palette, room, file: figure?.id });
      for (const twin of picture.parentElement.querySelectorAll("img.plot")) twin.hidden = true;
      picture.before(drawn);
      asked.hidden = true;
      const table = drawn.querySelector("details");
      table.open = true;
      table.firstChild.focus();
    } catch {
      said.textContent = location.protocol === "file:" ? "A page opened as a file cannot load the numbers." : "The numbers did not come. Is there a connection?";
      asked.open = false;
    }
  });
  (figure ?? picture.nextElementSibling ?? picture).after(asked);
}
