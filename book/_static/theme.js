// Set the theme and the reader's settings before the first paint; settings.js and the theme's own script take over when they have loaded.
{
  let mode = "auto";
  try {
    const stored = localStorage.getItem("mode");
    if (["light", "dark"].includes(stored)) mode = stored;
    else localStorage.removeItem("mode"); // or the theme's script complains of what it does not know
  } catch {
    // Storage is forbidden: follow the system.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.add("scripted"); // what needs scripts has its place from the start
  // A page that opens at its beginning shows that before it lays out the rest (site.js).
  if (!location.hash) document.documentElement.classList.add("from-the-top");
  document.documentElement.dataset.mode = mode;
  try {
    const chosen = JSON.parse(localStorage.getItem("unrolled.settings")) ?? {};
    for (const name of ["data-text", "data-measure", "data-code"])
      if (typeof chosen[name] === "string") document.documentElement.setAttribute(name, chosen[name]);
  } catch {
    // Storage is forbidden, or holds what is no JSON: the settings of a first visit.
  }
  document.documentElement.dataset.theme = mode === "auto" ? (dark ? "dark" : "light") : mode;
}

// When the page has loaded, the theme's script would lay all of it out to see which listings scroll. site.js does that in
// small steps, when it listens for the same event: as a capturing listener it comes before this one.
addEventListener("load", (event) => event.stopImmediatePropagation());

// Ask for the fonts of the first screen before the style sheet names them: here, because a page opened as a file may
// not, and a <link> in the page would write an error to the console.
if (location.protocol !== "file:") {
  for (const font of document.currentScript.dataset.fonts.split(" ")) {
    const link = document.createElement("link");
    Object.assign(link, { rel: "preload", as: "font", type: "font/woff2", crossOrigin: "anonymous" });
    link.href = new URL(`fonts/${font}.woff2`, document.currentScript.src);
    document.head.append(link);
  }
}
