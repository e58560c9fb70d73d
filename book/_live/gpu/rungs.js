// What is done with the kernels: which arrays they take, and how many workgroups. The counterpart
// of the modules in code/unrolled/webgpu.

const u = (n) => ["u", n];
const f = (x) => ["f", x];

export const TILES = { plain: 16, tiled: 16, blocked: 64 };
export const BLOCKS = { rnn: 1, lstm: 4, gru: 3 }; // of H columns each, in W_h
const THREADS = 128; // invocations of a workgroup

// The workgroups of a kernel in which an invocation takes one entry after another.
const spreadOver = (entries) => [Math.min(Math.ceil(entries / THREADS), 1024), 1];

// A product of two matrices; M, N and K are the sizes after the transposes.
export function matmul(gpu, kernels, kernel, a, b, [M, N, K], transposeA = false, transposeB = false) {
  const c = gpu.array(M * N);
  const strides = [...(transposeA ? [1, M] : [K, 1]), ...(transposeB ? [1, K] : [N, 1])];
  const tile = TILES[kernel];
  gpu.run(kernels[`product_${kernel}`], [M, N, K, ...strides].map(u), [a, b, c], [Math.ceil(N / tile), Math.ceil(M / tile)]);
  return c;
}

export function outputLayer(gpu, kernels, { h, W_y, b_y, targets, mask }, [N, H, V], scale) {
  const logits = matmul(gpu, kernels, "blocked", h, W_y, [N, V, H]);
  const losses = gpu.array(N);
  gpu.run(kernels.softmax_loss, [u(N), u(V), f(scale)], [logits, b_y, targets, mask, losses], [N, 1]);
  const db_y = columnSums(gpu, kernels, logits, N, V);
  const dh = matmul(gpu, kernels, "blocked", logits, W_y, [N, H, V], false, true);
  const dW_y = matmul(gpu, kernels, "blocked", h, logits, [H, V, N], true, false);
  return { losses, dh, dW_y, db_y };
}

function columnSums(gpu, kernels, rows, N, V) {
  const sums = gpu.array(V);
  gpu.run(kernels.column_sums, [u(N), u(V)], [rows, sums], [Math.ceil(V / THREADS), 1]);
  return sums;
}

// h and c hold T + 1 states, of which the first is given; gates holds x W_x + b, and is overwritten.
export function forward(gpu, kernels, cell, { W_h, gates, h, c }, [T, B, H], steps = T) {
  const arrays = cell === "lstm" ? [W_h, gates, h, c] : [W_h, gates, h];
  for (let first = 0; first < T; first += steps) {
    gpu.run(kernels[`${cell}_forward`], [B, H, first, Math.min(first + steps, T)].map(u), arrays, [B, 1]);
  }
}

export function backward(gpu, kernels, cell, { W_h, gates, h, c, dh }, [T, B, H]) {
  const da = gpu.array(T * B * BLOCKS[cell] * H);
  const dstates = gpu.array((cell === "lstm" ? 2 : 1) * B * H);
  const given = { rnn: [W_h, h], lstm: [W_h, gates, c], gru: [W_h, gates, h] }[cell];
  gpu.run(kernels[`${cell}_backward`], [T, B, H].map(u), [...given, dh, da, dstates], [B, 1]);
  return { da, dstates };
}

export function descend(gpu, kernels, p, dp, entries, rate) {
  gpu.run(kernels.descent, [u(entries), f(rate)], [p, dp], spreadOver(entries));
}

// The rows of a table with these ids, plus a bias; an id after the last row stands for zeros.
function gather(gpu, kernels, table, ids, bias, [N, D, rows]) {
  const found = gpu.array(N * D);
  gpu.run(kernels.gather, [N, D, rows].map(u), [table, ids, bias, found], spreadOver(N * D));
  return found;
}

// A batch in the memory of the GPU: lists of T · B ids and a mask, step after step.
export function wordsOf(gpu, { inputs, targets, mask }, [T, B]) {
  const real = [...mask.keys()].filter((n) => mask[n]);
  const order = new Map(real.map((n, k) => [n, k]));
  const ids = (list) => gpu.array(Uint32Array.from(list));
  return {
    N: real.length,
    inputs: ids(inputs),
    targets: ids(real.map((n) => targets[n])),
    real: ids(real.map((n) => B + n)), // their rows among the states (T + 1, B)
    place: ids(mask.map((_, n) => order.get(n) ?? real.length)), // which real word stands there
    ones: gpu.array(new Float32Array(real.length).fill(1)),
  };
}

// The gates of a GRU are computed from h_{t-1} and its candidate from r_t h_{t-1}: two products.
function descendGru(gpu, kernels, { W_h, gates, h }, da, [N, H], rate) {
  const [kept, daGates, daCandidate] = [H, 2 * H, H].map((columns) => gpu.array(N * columns));
  gpu.run(kernels.gru_split, [u(N), u(H)], [gates, h, da, kept, daGates, daCandidate], spreadOver(N * H));
  for (const [first, x, dy, columns] of [[0, h, daGates, 2 * H], [2 * H, kept, daCandidate, H]]) {
    const dW = matmul(gpu, kernels, "blocked", x, dy, [H, columns, N], true, false);
    const sizes = [u(H * columns), u(columns), u(3 * H), u(first), f(rate)];
    gpu.run(kernels.columns_descent, sizes, [W_h, dW], spreadOver(H * columns));
  }
}

// A step of SGD on a language model; p = {W_x, W_h, b, W_y, b_y} is overwritten, and nothing is read.
// Returns the loss before the step.
export function trainingStep(gpu, kernels, cell, p, words, [T, B, H, V], rate, scale) {
  const { N } = words;
  const G = BLOCKS[cell] * H;
  const none = gpu.array(H); // no bias
  const gates = gather(gpu, kernels, p.W_x, words.inputs, p.b, [T * B, G, V]);
  const arrays = { W_h: p.W_h, gates, h: gpu.array((T + 1) * B * H) };
  if (cell === "lstm") arrays.c = gpu.array((T + 1) * B * H);
  forward(gpu, kernels, cell, arrays, [T, B, H]);
  const h = gather(gpu, kernels, arrays.h, words.real, none, [N, H, (T + 1) * B]);
  const output = { h, W_y: p.W_y, b_y: p.b_y, targets: words.targets, mask: words.ones };
  const { losses, dh, dW_y, db_y } = outputLayer(gpu, kernels, output, [N, H, V], scale);
  arrays.dh = gather(gpu, kernels, dh, words.place, none, [T * B, H, N]);
  const { da } = backward(gpu, kernels, cell, arrays, [T, B, H]);
  if (cell === "gru") {
    descendGru(gpu, kernels, arrays, da, [T * B, H], rate);
  } else {
    const dW_h = matmul(gpu, kernels, "blocked", arrays.h, da, [H, G, T * B], true, false);
    descend(gpu, kernels, p.W_h, dW_h, H * G, rate);
  }
  const db = columnSums(gpu, kernels, da, T * B, G);
  const gradients = [[p.b, db, G], [p.W_y, dW_y, H * V], [p.b_y, db_y, V]];
  for (const [w, dw, entries] of gradients) descend(gpu, kernels, w, dw, entries, rate);
  gpu.run(kernels.embedding_descent, [u(T * B), u(G), f(rate)], [p.W_x, words.inputs, da], [T * B, 1]);
  return columnSums(gpu, kernels, losses, N, 1);
}

// h holds T + 1 states, of which the first is given.
export function scanForward(gpu, kernels, { f: factors, g, h }, [T, D], chunk = Math.ceil(T / THREADS)) {
  gpu.run(kernels.scan_forward, [T, D, chunk].map(u), [factors, g, h], [D, 1]);
}

// dg holds the gradient of the first state, and then those of g.
export function scanBackward(gpu, kernels, { f: factors, h, dh }, [T, D]) {
  const df = gpu.array(T * D);
  const dg = gpu.array((T + 1) * D);
  gpu.run(kernels.scan_backward, [T, D, Math.ceil(T / THREADS)].map(u), [factors, h, dh, df, dg], [D, 1]);
  return { df, dg };
}
