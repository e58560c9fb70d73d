// What is stored in this browser. If storage is forbidden or full, what was written holds for this page. The theme's
// script would stop there, and all scripts after it: it gets these objects instead of the browser's (bundle.py).
const keptIn = (area) => ({
  unstored: {},
  getItem(name) {
    try {
      return this.unstored[name] ?? window[area].getItem(name);
    } catch {
      return this.unstored[name] ?? null;
    }
  },
  setItem(name, value) {
    this.unstored[name] = value;
    try {
      window[area].setItem(name, value);
      delete this.unstored[name];
    } catch {} // it stays in unstored
  },
});
const pageStorage = keptIn("localStorage");
