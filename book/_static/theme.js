// Set the theme before the first paint; the theme's own script takes over when it has loaded.
{
  let mode = "auto";
  try {
    mode = localStorage.getItem("mode") || "auto";
  } catch {
    // Storage is forbidden: follow the system.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.add("scripted"); // what needs scripts has its place from the start
  // A page that opens at its beginning shows that before it lays out the rest (site.js).
  if (!location.hash) document.documentElement.classList.add("from-the-top");
  document.documentElement.dataset.mode = mode;
  document.documentElement.dataset.theme = mode === "auto" ? (dark ? "dark" : "light") : mode;
}
