// How long each rung takes: its dispatches repeated in one pass, by turns with those that it is
// compared with, as in experiments/gpu/webgpu.py.

import { drawn } from "./proofs.js";
import { BLOCKS, TILES, backward, descend, forward, matmul, outputLayer } from "./rungs.js";

export const SETTINGS = {
  products: [256, 512, 1024, 2048, 4096], // rows and columns
  rows: [[45, 100, 8000], [1440, 100, 8000]], // N, H, V
  entries: [1_000_000],
  recurrences: [[45, 1, 100], [64, 32, 128], [64, 32, 256], [256, 64, 256]], // T, B, H
  rounds: 9,
  enough: 0.05, // seconds of a measurement
  longest: 0.4, // seconds of a pass; a driver resets a GPU that answers much later
  most: 500, // repetitions
};

// {rung: {work, dispatches}} of every size; work is the number of additions and multiplications.
function* contests(gpu, kernels, settings) {
  for (const n of settings.products) {
    yield {
      group: "product",
      size: `${n} × ${n}`,
      work: Object.fromEntries(Object.keys(TILES).map((kernel) => [kernel, 2 * n ** 3])),
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
      make: ([name]) => [[name, gpu.recorded(() => descend(gpu, kernels, gpu.array(entries), gpu.array(entries), entries, 0.1))]],
    };
  }
  for (const cell of Object.keys(BLOCKS)) {
    for (const sizes of settings.recurrences) {
      const [T, B, H] = sizes;
      const G = BLOCKS[cell] * H;
      const work = 2 * T * B * H * G;
      yield {
        group: cell.toUpperCase(),
        size: `T = ${T}, B = ${B}, H = ${H}`,
        work: { "forward, one dispatch": work, "forward, a dispatch a step": work, "backward, one dispatch": work },
        make(names) {
          const arrays = { W_h: gpu.array(drawn([1, H * G, 0.0625])), gates: gpu.array(drawn([2, T * B * G, 1])) };
          for (const [name, steps] of [["h", T + 1], ["c", T + 1], ["dh", T]]) arrays[name] = gpu.array(drawn([3, steps * B * H, 1]));
          const runs = {
            "forward, one dispatch": () => forward(gpu, kernels, cell, arrays, sizes),
            "forward, a dispatch a step": () => forward(gpu, kernels, cell, arrays, sizes, 1),
            "backward, one dispatch": () => backward(gpu, kernels, cell, arrays, sizes),
          };
          return names.map((name) => [name, gpu.recorded(runs[name])]);
        },
      };
    }
  }
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

// Yields {group, size, rung, median, quartiles, dispatches, repeats, work}, or {group, size, rung, left_out}.
export async function* timed(gpu, kernels, settings) {
  const rates = {}; // seconds of a unit of work, by group and rung
  for (const { group, size, work, make } of contests(gpu, kernels, settings)) {
    const about = (rung) => (rates[`${group} ${rung}`] ?? 0) * work[rung];
    for (const rung of Object.keys(work).filter((name) => about(name) > settings.longest)) {
      yield { group, size, rung, left_out: `it would take about ${about(rung).toFixed(1)} s` };
    }
    const names = Object.keys(work).filter((name) => about(name) <= settings.longest);
    if (!names.length) continue;
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
      const row = { group, size, rung, ...spread(seconds), dispatches: dispatches.length, repeats, work: work[rung] };
      rates[`${group} ${rung}`] = row.median / work[rung];
      yield row;
    }
    gpu.free();
  }
}
