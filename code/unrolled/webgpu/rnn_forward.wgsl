// The plain recurrence, steps first to last: a workgroup runs one sequence.
struct Sizes { B: u32, H: u32, first: u32, last: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> W_h: array<f32>;  // (H, H)
@group(0) @binding(2) var<storage, read> a: array<f32>;  // (T, B, H): x W_x + b
// (T+1, B, H); [0] is given
@group(0) @binding(3) var<storage, read_write> h: array<f32>;

const THREADS = 128u;
const UNITS = 512u;
// h before and after a step, exchanged at every step
var<workgroup> state: array<f32, 1024>;

fn bounded_tanh(x: f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }

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
    var before = 0u;
    for (var t = size.first; t < size.last; t++) {
        let after = UNITS - before;
        for (var j = own; j < H; j += THREADS) {
            var sum = a[(t * size.B + b) * H + j];
            for (var k = 0u; k < H; k++) {
                sum += state[before + k] * W_h[k * H + j];
            }
            let value = bounded_tanh(sum);
            state[after + j] = value;
            h[((t + 1u) * size.B + b) * H + j] = value;
        }
        workgroupBarrier();  // all units have their state after step t
        before = after;
    }
}
