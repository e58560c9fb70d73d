// Python in a worker: Pyodide, NumPy and the package, all from our own site. machine.js starts it, sends it
// cells, and ends it to stop one. A classic worker, because that is what Pyodide loads itself into.
let python; // resolves to the functions of live_runner.py
let namespace;
let order; // which cells have to run: dependencies.py

const say = (type, more) => postMessage({ type, ...more });

// What failed to come is named, and ends the start; Pyodide itself would wait for it, or go on without it.
let missing = null;
let giveUp;
const lost = new Promise((_, reject) => (giveUp = reject));
lost.catch(() => {}); // whoever waits is told

// How many bytes have come: the page shows them.
let loaded = 0;
let shown = 0;

function count(bytes) {
  loaded += bytes;
  if (loaded - shown < 50_000) return;
  shown = loaded;
  say("loaded", { bytes: loaded });
}

const counting = () =>
  new TransformStream({
    transform(chunk, out) {
      count(chunk.length);
      out.enqueue(chunk);
    },
  });

async function get(url, what) {
  const response = await fetchAsIs(url).catch(() => null);
  if (response?.ok) return new Response(response.body.pipeThrough(counting()), { headers: response.headers });
  missing = response ? `${what} (${response.status})` : what;
  const error = new Error(`${missing} is missing`);
  giveUp(error);
  throw error;
}

// The heaviest file lies compressed on the site, so that it is small whatever the server does. Pyodide asks for
// it by its own name.
const fetchAsIs = self.fetch.bind(self);
self.fetch = async (url, options) => {
  const name = String(url).split("/").pop();
  if (name === "pyodide.asm.wasm") {
    count(scriptBytes); // Pyodide's scripts are here
    const { body } = await get(`${url}.gzip`, name);
    return new Response(body.pipeThrough(new DecompressionStream("gzip")), {
      headers: { "Content-Type": "application/wasm" },
    });
  }
  return get(url, name);
};

const CORPUS = "/home/pyodide/documents.json.gzip";

// A file of the site, which is fetched when a cell opens it.
function addFile(files, path, url) {
  const [folder, name] = path.split(/\/(?=[^/]*$)/);
  files.mkdirTree(folder);
  files.createLazyFile(folder, name, url, true, false);
}

const PYTHON = ["live_runner.py", "dependencies.py"];
let scriptBytes; // of Pyodide's scripts, which are not fetched piece by piece

async function start({ folder, wheel, scripts, absent, results, corpus, loads }) {
  scriptBytes = loads.scripts;
  try {
    importScripts(`${folder}pyodide.js`);
  } catch (error) {
    missing = "pyodide.js";
    throw error;
  }
  // Everything at once: none of it needs another to be fetched.
  const [pyodide, ours, ...texts] = await Promise.all([
    loadPyodide({ indexURL: folder, packages: ["numpy"], stdout() {}, stderr() {} }),
    get(wheel, "the package").then((response) => response.arrayBuffer()),
    ...PYTHON.map((name) => get(scripts + name, name).then((response) => response.text())),
  ]);
  say("progress", { text: "Starting NumPy …" });
  pyodide.unpackArchive(ours, "wheel");
  PYTHON.forEach((name, i) => pyodide.FS.writeFile(`/home/pyodide/${name}`, texts[i]));
  const module = pyodide.runPython("import sys; sys.path.insert(0, '/home/pyodide'); import live_runner; live_runner");
  module.prepare(pyodide.toPy(absent));
  pyodide.runPython("import numpy, unrolled");
  for (const name of results.names) addFile(pyodide.FS, `${module.results_folder()}/${name}`, results.folder + name);
  addFile(pyodide.FS, CORPUS, corpus);
  module.take_kept_corpus(CORPUS);
  namespace = module.new_namespace();
  order = pyodide.pyimport("dependencies").Order(namespace);
  return { pyodide, module };
}

// Which cells have to run before one (`plan`), or which depend on it (`after`).
async function ask({ id, question, texts, index }) {
  const { pyodide } = await python;
  say("done", { id, cells: order[question](pyodide.toPy(texts), index).toJs() });
}

async function answer({ id, code, where, alone, exercise, texts, index }) {
  const { pyodide, module } = await python;
  const send = (text) => say("output", { id, text });
  const draw = (json) => say("chart", { id, json });
  const names = alone ? module.new_namespace() : namespace;
  const result = exercise
    ? module.check(code, where, exercise, names, send, draw)
    : module.run(code, where, names, send, undefined, draw);
  const [passed, message] = result.toJs();
  if (texts) order.ran(pyodide.toPy(texts), index, passed);
  say("done", { id, passed, message: message ?? null });
}

self.onmessage = async ({ data }) => {
  if (data.type === "start") {
    python = Promise.race([start(data), lost]);
    try {
      await python;
      say("ready");
    } catch (error) {
      say("failed", { missing, text: String(error) });
    }
    return;
  }
  try {
    await (data.question ? ask(data) : answer(data));
  } catch (error) {
    // Python itself has ended: out of memory, or a fault in it.
    say("died", { id: data.id, text: String(error).slice(0, 500) });
  }
};
