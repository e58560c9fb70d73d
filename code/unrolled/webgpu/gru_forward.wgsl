// A GRU, steps first to last: a workgroup runs one sequence.
struct Sizes { B: u32, H: u32, first: u32, last: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> W_h: array<f32>;  // (H, 3H)
// (T, B, 3H): sums, then z r ~h
@group(0) @binding(2) var<storage, read_write> gates: array<f32>;
// (T+1, B, H); [0] is given
@group(0) @binding(3) var<storage, read_write> h: array<f32>;

const THREADS = 128u;
var<workgroup> state: array<f32, 512>;
var<workgroup> kept: array<f32, 512>;  // r_t h_{t-1}

fn bounded_tanh(x: f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }
fn sigmoid(x: f32) -> f32 { return 0.5 + 0.5 * bounded_tanh(0.5 * x); }

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) own: u32,
) {
    let b = group.x;
    let H = size.H;
    for (var j = own; j < H; j += THREADS) {
        state[j] = h[(size.first * size.B + b) * H + j];
    }
    workgroupBarrier();
    for (var t = size.first; t < size.last; t++) {
        for (var j = own; j < H; j += THREADS) {
            let at = (t * size.B + b) * 3u * H + j;
            var sums = vec2f(gates[at], gates[at + H]);
            for (var k = 0u; k < H; k++) {
                let w = k * 3u * H + j;
                sums += state[k] * vec2f(W_h[w], W_h[w + H]);
            }
            gates[at] = sigmoid(sums.x);
            gates[at + H] = sigmoid(sums.y);
            kept[j] = gates[at + H] * state[j];
        }
        workgroupBarrier();  // what all units keep is there
        for (var j = own; j < H; j += THREADS) {
            let at = (t * size.B + b) * 3u * H + j;
            var sum = gates[at + 2u * H];
            for (var k = 0u; k < H; k++) {
                sum += kept[k] * W_h[k * 3u * H + 2u * H + j];
            }
            let candidate = bounded_tanh(sum);
            gates[at + 2u * H] = candidate;
            state[j] = gates[at] * state[j] + (1.0 - gates[at]) * candidate;
            h[((t + 1u) * size.B + b) * H + j] = state[j];
        }
        workgroupBarrier();  // all units have their state after step t
    }
}
