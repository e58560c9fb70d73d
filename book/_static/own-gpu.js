// The button Start of the page On your own GPU (book/_ext/live/gpu_page.py). Nothing else is loaded before it is
// pressed: then the kernels and the scripts come, from this site (book/_live/gpu). A classic script, so that a page
// opened as a file can say why it cannot.
{
  const base = document.currentScript.src.replace(/[^/]*$/, "");
  const root = document.querySelector(".own-gpu");
  const [start, save] = root.querySelectorAll("button");
  const status = root.querySelector("[role=status]");
  const results = root.querySelector(".own-gpu-results");
  const folder = `${base}${root.dataset.folder}/`;
  const settings = JSON.parse(root.dataset.settings ?? "{}");

  async function begin() {
    if (start.getAttribute("aria-disabled") === "true") return;
    if (location.protocol === "file:") {
      status.textContent = "A page opened as a file cannot load the kernels. Serve the book (make serve) and open the address it prints.";
      return;
    }
    start.setAttribute("aria-disabled", "true");
    status.textContent = "Loading …";
    try {
      const answer = await fetch(`${folder}data.json`);
      if (!answer.ok) throw new TypeError(answer.status);
      const data = await answer.json();
      const { run } = await import(`${folder}page.js`);
      await run({ results, status, save, data, settings, base });
    } catch (error) {
      if (!(error instanceof TypeError) || results.hasChildNodes()) throw error;
      status.textContent = "The kernels did not come. Is there a connection, and is the site complete?";
    } finally {
      start.removeAttribute("aria-disabled");
    }
  }

  start.addEventListener("click", begin);
}
