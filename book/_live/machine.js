// What the worker needs, of the files of the site (book/_ext/live/live_files.py).
export const workerSettings = (base, files) => ({
  script: `${base}${files.scripts}worker.js`,
  scripts: base + files.scripts,
  folder: base + files.python,
  wheel: base + files.package,
  absent: files.absent,
  loads: files.loads,
  corpus: base + files.corpus,
  results: { ...files.results, folder: base + files.results.folder },
});

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

// The worker that Python runs in, as the page sees it: start, run, stop. To stop Python is to end the worker;
// a new one is started at once and knows nothing of the old one's values.
export class Machine {
  // `tell` is called with (state, detail): loading, ready, failed (with a sentence); loaded (with how many bytes have come).
  constructor(settings, tell) {
    this.settings = settings;
    this.tell = tell;
    this.request = 0;
    // A worker made from a blob obeys the page's policy (book/_ext/page/policy.py).
    const text = `importScripts(${JSON.stringify(settings.script)});`;
    this.script = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  }

  start() {
    this.worker?.terminate();
    this.tell("loading", `Loading Python, ${megabytes(this.settings.loads.all)} …`);
    this.ready = new Promise((resolve, reject) => {
      this.worker = new Worker(this.script);
      this.worker.onmessage = ({ data }) => {
        if (data.type === "progress") this.tell("loading", data.text);
        else if (data.type === "loaded") this.tell("loaded", data.bytes);
        else if (data.type === "ready") resolve();
        else if (data.type === "failed") reject(new Error(explained(data)));
        else if (data.id === this.running?.id) this.answer(data);
      };
      // The script itself did not come, or the worker has broken down.
      this.worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(explained({ missing: "worker.js", text: event.message })));
        this.answer({ type: "died", text: event.message });
      };
      this.worker.postMessage({ type: "start", ...this.settings });
    });
    this.ready.then(
      () => this.tell("ready"),
      (error) => {
        this.worker.terminate();
        this.tell("failed", error.message);
      },
    );
    return this.ready;
  }

  // Runs a cell, or asks a question about the order of cells. Resolves to {passed, message}, {cells} or {lost: a
  // sentence}; `show` gets what is printed, piece by piece, and `draw` the description of the chart at the cell's end.
  // `begun` is called when Python is there.
  async run(cell, show, draw, begun) {
    await this.ready;
    begun?.();
    return new Promise((resolve) => {
      this.running = { id: ++this.request, resolve, show, draw };
      this.worker.postMessage({ id: this.request, ...cell });
    });
  }

  answer(data) {
    if (!this.running) return;
    if (data.type === "output") return this.running.show(data.text);
    if (data.type === "chart") return this.running.draw(data.json);
    const { resolve } = this.running;
    this.running = null;
    if (data.type === "done") return resolve(data);
    resolve({ lost: `Python broke down (${data.text || "out of memory?"}) and starts again.` });
    this.restart();
  }

  stop() {
    const { resolve } = this.running ?? {};
    this.running = null;
    this.restart();
    resolve?.({ lost: "Stopped. Python starts again." });
  }

  restart() {
    this.start().catch(() => {}); // `tell` has said so
  }
}

function explained({ missing, text }) {
  return missing
    ? `${missing} did not come from this site: is there a connection, and is the site complete? Your code is kept.`
    : `Python could not start here: ${text}`;
}
