// What is done with the kernels: which arrays they take, and how many workgroups. The counterpart
// of product.py, output_layer.py, recurrence.py and update.py in code/unrolled/webgpu.

const u = (n) => ["u", n];
const f = (x) => ["f", x];

export const TILES = { plain: 16, tiled: 16, blocked: 64 };
export const BLOCKS = { rnn: 1, lstm: 4, gru: 3 }; // of H columns each, in W_h

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
  const db_y = gpu.array(V);
  gpu.run(kernels.softmax_loss, [u(N), u(V), f(scale)], [logits, b_y, targets, mask, losses], [N, 1]);
  gpu.run(kernels.column_sums, [u(N), u(V)], [logits, db_y], [Math.ceil(V / 128), 1]);
  const dh = matmul(gpu, kernels, "blocked", logits, W_y, [N, H, V], false, true);
  const dW_y = matmul(gpu, kernels, "blocked", h, logits, [H, V, N], true, false);
  return { losses, dh, dW_y, db_y };
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
  gpu.run(kernels.descent, [u(entries), f(rate)], [p, dp], [Math.min(Math.ceil(entries / 128), 1024), 1]);
}
