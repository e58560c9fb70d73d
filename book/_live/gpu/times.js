// How long each rung takes: its dispatches repeated in one pass, by turns with those that it is
// compared with, as in experiments/gpu/webgpu.py.

import { drawn } from "./proofs.js";
import { BLOCKS, TILES, backward, descend, forward, matmul, outputLayer, scanBackward, scanForward, trainingStep, wordsOf } from "./rungs.js";

export const SETTINGS = {
  products: [256, 512, 1024, 2048, 4096], // rows and columns
  rows: [[45, 100, 8000], [1440, 100, 8000]], // N, H, V
  entries: [1_000_000, 16_000_000],
  recurrences: [[45, 1, 100], [64, 32, 128], [64, 32, 256], [256, 64, 256]], // T, B, H
  batches: [1, 2, 4, 8, 16, 32, 64, 128, 256], // of an LSTM
  batched: [64, 128], // its T, H
  steps: [[45, 1, 100, 8000], [45, 32, 100, 8000]], // T, B, H, V
  scans: [[1024, 256], [16384, 256]], // T, D
  ladder: { steps: [[45, 1, 100, 8000]], recurrences: [[64, 32, 128]] }, // in Python too
  patience: 3, // seconds for each rung of Python
  rounds: 9,
  enough: 0.05, // seconds of a measurement
  longest: 0.4, // seconds of a pass; a driver resets a GPU that answers much later
  most: 500, // repetitions
};

const each = (names, value) => Object.fromEntries(names.map((name) => [name, value(name)]));

// The bytes that a kernel reads and writes, as it stands; a cache may deliver some of them.
const product = (M, N, K, reuse = TILES.blocked) => 4 * ((2 * M * N * K) / reuse + M * N);
const output = (N, H, V) => product(N, V, H) + product(N, H, V) + product(H, V, N) + 4 * 4 * N * V;
const recurrence = (T, B, H, G) => 4 * T * B * (H * G + 3 * G + 2 * H);
const descent = (entries) => 4 * 3 * entries;

// The contestants of a recurrence, of which some may be left out.
function recurrences(gpu, kernels, cell, sizes, names) {
  const [T, B, H] = sizes;
  const G = BLOCKS[cell] * H;
  return {
    group: cell.toUpperCase(),
    size: `T = ${T}, B = ${B}, H = ${H}`,
    work: each(names, () => 2 * T * B * H * G),
    bytes: each(names, () => recurrence(T, B, H, G)),
    make(wanted) {
      const arrays = { W_h: gpu.array(drawn([1, H * G, 0.0625])), gates: gpu.array(drawn([2, T * B * G, 1])) };
      for (const [name, steps] of [["h", T + 1], ["c", T + 1], ["dh", T]]) arrays[name] = gpu.array(drawn([3, steps * B * H, 1]));
      const runs = {
        "forward, one dispatch": () => forward(gpu, kernels, cell, arrays, sizes),
        "forward, a dispatch a step": () => forward(gpu, kernels, cell, arrays, sizes, 1),
        "backward, one dispatch": () => backward(gpu, kernels, cell, arrays, sizes),
      };
      return wanted.map((name) => [name, gpu.recorded(runs[name])]);
    },
  };
}

const PASSES = ["forward, one dispatch", "forward, a dispatch a step", "backward, one dispatch"];

// Each size of each group: {group, size, work, bytes, make}; work counts additions and multiplications.
function* contests(gpu, kernels, settings) {
  for (const n of settings.products) {
    yield {
      group: "product",
      size: `${n} × ${n}`,
      work: each(Object.keys(TILES), () => 2 * n ** 3),
      bytes: each(Object.keys(TILES), (kernel) => product(n, n, n, kernel === "plain" ? 1 : TILES[kernel])),
      make(names) {
        const [a, b] = [gpu.array(drawn([1, n * n, 1])), gpu.array(drawn([2, n * n, 1]))];
        return names.map((kernel) => [kernel, gpu.recorded(() => matmul(gpu, kernels, kernel, a, b, [n, n, n]))]);
      },
    };
  }
  for (const [N, H, V] of settings.rows) {
    yield {
      group: "output layer",
      size: `N = ${N}, H = ${H}, V = ${V}`,
      work: { "loss and gradient": 6 * N * H * V },
      bytes: { "loss and gradient": output(N, H, V) },
      make([name]) {
        const arrays = { h: gpu.array(drawn([1, N * H, 1])), W_y: gpu.array(drawn([2, H * V, 0.125])), b_y: gpu.array(V) };
        arrays.targets = gpu.array(Uint32Array.from({ length: N }, (_, n) => (7 * n) % V));
        arrays.mask = gpu.array(new Float32Array(N).fill(1));
        return [[name, gpu.recorded(() => outputLayer(gpu, kernels, arrays, [N, H, V], 1 / N))]];
      },
    };
  }
  for (const entries of settings.entries) {
    yield {
      group: "update",
      size: `${entries} weights`,
      work: { descent: 2 * entries },
      bytes: { descent: descent(entries) },
      make: ([name]) => [[name, gpu.recorded(() => descend(gpu, kernels, gpu.array(entries), gpu.array(entries), entries, 0.1))]],
    };
  }
  const taken = new Set();
  for (const cell of Object.keys(BLOCKS)) {
    for (const sizes of settings.recurrences) {
      if (cell === "lstm") taken.add(String(sizes));
      yield recurrences(gpu, kernels, cell, sizes, PASSES);
    }
  }
  const [length, units] = settings.batched;
  for (const B of settings.batches) {
    const sizes = [length, B, units];
    if (!taken.has(String(sizes))) yield recurrences(gpu, kernels, "lstm", sizes, [PASSES[0], PASSES[2]]);
  }
  for (const sizes of settings.steps) yield trainingSteps(gpu, kernels, sizes);
  for (const sizes of settings.scans) yield scans(gpu, kernels, sizes);
}

// A whole step of SGD of the posts' network, and of the same with an LSTM.
function trainingSteps(gpu, kernels, sizes) {
  const [T, B, H, V] = sizes;
  const N = T * B;
  const names = ["RNN", "LSTM"];
  const weights = (name) => [V, H].map((rows) => rows * BLOCKS[name.toLowerCase()] * H);
  return {
    group: "training step",
    size: `T = ${T}, B = ${B}, H = ${H}, V = ${V}`,
    work: each(names, (name) => 6 * N * H * V + 6 * N * weights(name)[1]),
    bytes: each(names, (name) => output(N, H, V) + 2 * recurrence(T, B, H, weights(name)[1] / H) + descent(H * V + V + weights(name)[1])),
    make: (wanted) =>
      wanted.map((name) => {
        const cell = name.toLowerCase();
        const [W_x, W_h] = weights(name);
        const p = { W_x: W_x, W_h: W_h, b: W_h / H, W_y: H * V, b_y: V };
        for (const [n, key] of Object.keys(p).entries()) p[key] = gpu.array(drawn([n, p[key], 0.0625]));
        const ids = (k) => Array.from({ length: N }, (_, n) => (k * n) % V);
        const words = wordsOf(gpu, { inputs: ids(7), targets: ids(11), mask: Array(N).fill(1) }, [T, B]);
        return [name, gpu.recorded(() => trainingStep(gpu, kernels, cell, p, words, sizes, 1e-6, 1))];
      }),
  };
}

// A scan; and the same steps one after another, by one invocation for each column.
function scans(gpu, kernels, sizes) {
  const [T, D] = sizes;
  return {
    group: "scan",
    size: `T = ${T}, D = ${D}`,
    work: { "forward, scan": 2 * T * D, "forward, one invocation": 2 * T * D, "backward, scan": 3 * T * D },
    bytes: { "forward, scan": 20 * T * D, "forward, one invocation": 20 * T * D, "backward, scan": 28 * T * D },
    make(wanted) {
      const arrays = { f: gpu.array(drawn([1, T * D, 0.125, 0.75])), h: gpu.array((T + 1) * D) };
      for (const name of ["g", "dh"]) arrays[name] = gpu.array(drawn([2, T * D, 1]));
      const runs = {
        "forward, scan": () => scanForward(gpu, kernels, arrays, sizes),
        "forward, one invocation": () => scanForward(gpu, kernels, arrays, sizes, T),
        "backward, scan": () => scanBackward(gpu, kernels, arrays, sizes),
      };
      return wanted.map((name) => [name, gpu.recorded(runs[name])]);
    },
  };
}

export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    return sorted[low] + (place - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
  };
  return { median: at(0.5), quartiles: [at(0.25), at(0.75)] };
}

// Yields {group, size, rung, median, quartiles, dispatches, repeats, work, bytes}, or {group, size, rung, left_out};
// before a size is timed, {group, size, begins}.
export async function* timed(gpu, kernels, settings) {
  const rates = {}; // seconds of a unit of work, by group and rung
  for (const { group, size, work, bytes, make } of contests(gpu, kernels, settings)) {
    const about = (rung) => (rates[`${group} ${rung}`] ?? 0) * work[rung];
    for (const rung of Object.keys(work).filter((name) => about(name) > settings.longest)) {
      yield { group, size, rung, left_out: `it would take about ${about(rung).toFixed(1)} s` };
    }
    const names = Object.keys(work).filter((name) => about(name) <= settings.longest);
    if (!names.length) continue;
    yield { group, size, begins: true };
    let found;
    try {
      found = make(names);
    } catch (error) {
      gpu.free();
      if (!/too little memory/.test(error.message)) throw error;
      for (const rung of names) yield { group, size, rung, left_out: error.message };
      continue;
    }
    const contestants = [];
    for (const [rung, dispatches] of found) {
      await gpu.seconds(dispatches, 1); // it may still be compiled
      const once = await gpu.seconds(dispatches, 1);
      const repeats = Math.min(settings.most, Math.max(1, Math.round(settings.enough / Math.max(once, 1e-7))));
      contestants.push({ rung, dispatches, repeats, seconds: [] });
    }
    for (let round = 0; round < settings.rounds; round++) {
      for (const each of contestants) each.seconds.push((await gpu.seconds(each.dispatches, each.repeats)) / each.repeats);
    }
    for (const { rung, dispatches, repeats, seconds } of contestants) {
      const row = { group, size, rung, ...spread(seconds), dispatches: dispatches.length, repeats, work: work[rung], bytes: bytes[rung] };
      rates[`${group} ${rung}`] = row.median / work[rung];
      yield row;
    }
    gpu.free();
  }
}
