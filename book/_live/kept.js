// Edits and solved exercises, kept in this browser. An edit is stored under page, cell and a hash of the text that
// was edited: when the book's text changes, the edit is an old one, which is offered and not put in place.

// 53 bits of a hash: enough to tell two texts of one cell apart, at once and on any page.
export function hash(text) {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 2654435761);
    b = Math.imul(b ^ text.charCodeAt(i), 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}

export class Kept {
  // `trouble` is called with a sentence when something cannot be kept.
  constructor(page, trouble) {
    this.prefix = `unrolled.edit:${page}:`;
    this.trouble = trouble;
    try {
      this.store = localStorage;
      this.store.getItem(this.prefix);
    } catch {
      this.store = null;
      trouble("This browser forbids the page to store anything: your edits work, and are gone when you leave.");
    }
  }

  // {cells: [the edit of each cell's present text, or null], old: [[{key, text}, …] for each cell]}
  read(cells) {
    const found = { cells: cells.map(() => null), old: cells.map(() => []) };
    if (!this.store || !cells.length) return found;
    const keys = Object.keys(this.store).filter((key) => key.startsWith(this.prefix));
    const others = [];
    for (const key of keys) {
      const [name, version] = key.slice(this.prefix.length).split(":");
      const index = cells.findIndex((cell) => cell.name === name && cell.hash === version);
      if (index >= 0) found.cells[index] = this.store.getItem(key);
      else others.push([key, name, version]);
    }
    for (const [key, name, version] of others) {
      // The cell has moved, its text has changed, or it is gone: then the last cell has to offer the edit.
      let index = cells.findIndex((cell, i) => cell.hash === version && found.cells[i] === null);
      const text = this.store.getItem(key);
      if (index >= 0) {
        found.cells[index] = text;
        if (this.write(cells[index], text)) this.store.removeItem(key);
        continue;
      }
      index = cells.findIndex((cell) => cell.name === name);
      found.old[index < 0 ? cells.length - 1 : index].push({ key, text });
    }
    return found;
  }

  // Keeps a cell's text; null when it is the book's again.
  write(cell, text) {
    const key = `${this.prefix}${cell.name}:${cell.hash}`;
    return this.attempt(() => (text === null ? this.store.removeItem(key) : this.store.setItem(key, text)));
  }

  drop(key) {
    this.attempt(() => this.store.removeItem(key));
  }

  solved() {
    return storedObject(this.store?.getItem("unrolled.solved") ?? null);
  }

  solve(exercise) {
    const all = JSON.stringify({ ...this.solved(), [exercise]: true });
    this.attempt(() => this.store.setItem("unrolled.solved", all));
  }

  attempt(action) {
    if (!this.store) return false;
    try {
      action();
      return true;
    } catch {
      this.trouble("This browser's storage is full: your last edits are not kept. Copy them before you leave.");
      return false;
    }
  }
}
