// "Show the numbers" below each chart. When it is opened, book/_live/numbers.js comes and puts the chart and its numbers in
// the place of its picture.
for (const picture of document.querySelectorAll("img.chart.light-twin")) {
  const asked = document.createElement("details");
  asked.className = "live-numbers chart-numbers";
  asked.innerHTML = '<summary>Show the numbers</summary><p role="status">';
  asked.addEventListener("toggle", async () => {
    if (!asked.open || asked.hidden) return;
    const root = picture.src.replace(/_images.*/, "_static/");
    asked.lastChild.textContent = "Loading …";
    try {
      const files = await (await fetch(`${root}live/files.json`)).json();
      await (await import(`${root}${files.scripts}numbers.js`)).show(picture, asked, root, files);
    } catch {
      asked.lastChild.textContent = location.protocol === "file:" ? "A page opened as a file cannot load the numbers." : "The numbers did not come. Is there a connection?";
      asked.open = false;
    }
  });
  (picture.closest("figure") ?? picture.nextElementSibling ?? picture).after(asked);
}
