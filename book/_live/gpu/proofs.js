// Each rung against NumPy: the inputs are drawn here as in book/_ext/live/gpu_proofs.py, which has
// the answers from the package in float64.

import { backward, descend, forward, matmul, outputLayer, scanBackward, scanForward, trainingStep, wordsOf } from "./rungs.js";

// Numbers between -1 and 1 that float32 holds exactly, times a power of two; then plus an offset.
export function drawn([seed, size, scale, offset = 0]) {
  const values = new Float32Array(size);
  for (let n = 0; n < size; n++) {
    let x = (n + Math.imul(seed, 0x9e3779b9)) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    x = (x ^ (x >>> 15)) >>> 0;
    values[n] = offset + ((x >>> 8) / 2 ** 23 - 1) * scale;
  }
  return values;
}

function decoded(text) {
  return new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

// The largest difference, relative to the largest entry; infinite if one is no number.
export function gap(found, right) {
  if (found.length !== right.length) return Infinity;
  let difference = 0;
  let largest = 0;
  for (let n = 0; n < right.length; n++) {
    const here = Math.abs(found[n] - right[n]);
    if (!Number.isFinite(here)) return Infinity;
    difference = Math.max(difference, here);
    largest = Math.max(largest, Math.abs(right[n]));
  }
  return difference === 0 ? 0 : difference / largest;
}

const arraysOf = (gpu, inputs) => Object.fromEntries(Object.entries(inputs).map(([name, spec]) => [name, gpu.array(drawn(spec))]));

function withFirst(first, T) {
  const all = new Float32Array((T + 1) * first.length);
  all.set(first);
  return all;
}

// The arrays of a recurrence after its forward pass.
function states(gpu, kernels, { cell, sizes: [T, B, H], inputs, steps }) {
  const arrays = { W_h: gpu.array(drawn(inputs.W_h)), gates: gpu.array(drawn(inputs.a)) };
  arrays.h = gpu.array(withFirst(drawn(inputs.h0), T));
  if (cell === "lstm") arrays.c = gpu.array(withFirst(drawn(inputs.c0), T));
  forward(gpu, kernels, cell, arrays, [T, B, H], steps);
  return arrays;
}

const RUNS = {
  product(gpu, kernels, { kernel, sizes, inputs, transposed }) {
    const a = gpu.array(drawn(inputs.a));
    const b = gpu.array(drawn(inputs.b));
    return { c: matmul(gpu, kernels, kernel, a, b, sizes, ...transposed) };
  },
  forward(gpu, kernels, proof) {
    return { h: states(gpu, kernels, proof).h };
  },
  backward(gpu, kernels, proof) {
    const arrays = states(gpu, kernels, proof);
    const [T, B, H] = proof.sizes;
    const dh = drawn(proof.inputs.dh); // none where a mask leaves a step out
    for (let t = 0; t < T; t++) for (let b = 0; b < B; b++) if (t >= proof.lengths[b]) dh.fill(0, (t * B + b) * H, (t * B + b + 1) * H);
    arrays.dh = gpu.array(dh);
    return backward(gpu, kernels, proof.cell, arrays, proof.sizes);
  },
  output(gpu, kernels, { sizes, inputs, targets, mask, scale }) {
    const arrays = { ...arraysOf(gpu, inputs), targets: gpu.array(Uint32Array.from(targets)), mask: gpu.array(Float32Array.from(mask)) };
    return outputLayer(gpu, kernels, arrays, sizes, scale);
  },
  descent(gpu, kernels, { sizes: [entries], inputs, rate }) {
    const p = gpu.array(drawn(inputs.p));
    descend(gpu, kernels, p, gpu.array(drawn(inputs.dp)), entries, rate);
    return { p };
  },
  // Trains from one batch to the next, as often as told; the answers are its losses and the weights after it.
  training(gpu, kernels, { cell, inputs, batches, sizes: [H, V], updates, rate }) {
    const p = arraysOf(gpu, inputs);
    const there = batches.map((batch) => wordsOf(gpu, batch, batch.sizes));
    const losses = [];
    for (let n = 0; n < updates; n++) {
      const k = n % there.length;
      losses.push(trainingStep(gpu, kernels, cell, p, there[k], [...batches[k].sizes, H, V], rate, 1 / there[k].N));
    }
    return { losses, ...p };
  },
  scan(gpu, kernels, { sizes: [T, D], inputs, chunk }) {
    const arrays = arraysOf(gpu, inputs);
    arrays.h = gpu.array(withFirst(drawn(inputs.h0), T));
    scanForward(gpu, kernels, arrays, [T, D], chunk);
    return { h: arrays.h, ...scanBackward(gpu, kernels, arrays, [T, D]) };
  },
};

async function read(gpu, answer) {
  if (!Array.isArray(answer)) return gpu.read(answer);
  const numbers = new Float32Array(answer.length);
  for (const [n, buffer] of answer.entries()) [numbers[n]] = await gpu.read(buffer);
  return numbers;
}

// Yields {rung, gap, right} of every rung: the largest gap of its proofs.
export async function* proved(gpu, { kernels, proofs }) {
  const rungs = new Map();
  for (const proof of proofs) rungs.set(proof.rung, [...(rungs.get(proof.rung) ?? []), proof]);
  for (const [rung, all] of rungs) {
    const found = { rung, gap: 0, right: true };
    for (const proof of all) {
      const answers = RUNS[proof.run](gpu, kernels, proof);
      for (const [name, text] of Object.entries(proof.answers)) {
        const distance = gap(await read(gpu, answers[name]), decoded(text));
        found.gap = Math.max(found.gap, distance);
        found.right &&= distance <= (proof.tolerances?.[name] ?? proof.tolerance);
      }
      gpu.free();
    }
    yield found;
  }
}
