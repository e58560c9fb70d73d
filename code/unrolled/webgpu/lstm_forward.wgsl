// An LSTM, steps first to last: a workgroup runs one sequence.
struct Sizes { B: u32, H: u32, first: u32, last: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> W_h: array<f32>;  // (H, 4H)
// (T, B, 4H): sums, then i f g o
@group(0) @binding(2) var<storage, read_write> gates: array<f32>;
// (T+1, B, H); [0] is given
@group(0) @binding(3) var<storage, read_write> h: array<f32>;
// (T+1, B, H); [0] is given
@group(0) @binding(4) var<storage, read_write> c: array<f32>;

const THREADS = 128u;
const UNITS = 512u;
// h before and after a step, exchanged at every step
var<workgroup> state: array<f32, 1024>;
// c; only its own invocation reads an entry
var<workgroup> cell: array<f32, 512>;

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
        cell[j] = c[(size.first * size.B + b) * H + j];
    }
    workgroupBarrier();
    var before = 0u;
    for (var t = size.first; t < size.last; t++) {
        let after = UNITS - before;
        for (var j = own; j < H; j += THREADS) {
            let at = (t * size.B + b) * 4u * H + j;
            var sums = vec4f(
                gates[at], gates[at + H], gates[at + 2u * H], gates[at + 3u * H]
            );
            for (var k = 0u; k < H; k++) {
                let w = k * 4u * H + j;
                sums += state[before + k] * vec4f(
                    W_h[w], W_h[w + H], W_h[w + 2u * H], W_h[w + 3u * H]
                );
            }
            let i = sigmoid(sums.x);
            let f = sigmoid(sums.y);
            let g = bounded_tanh(sums.z);
            let o = sigmoid(sums.w);
            cell[j] = f * cell[j] + i * g;
            state[after + j] = o * bounded_tanh(cell[j]);
            gates[at] = i;
            gates[at + H] = f;
            gates[at + 2u * H] = g;
            gates[at + 3u * H] = o;
            h[((t + 1u) * size.B + b) * H + j] = state[after + j];
            c[((t + 1u) * size.B + b) * H + j] = cell[j];
        }
        workgroupBarrier();  // all units have their state after step t
        before = after;
    }
}
