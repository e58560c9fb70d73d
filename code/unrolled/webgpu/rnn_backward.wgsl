// The gradient of the recurrence, all steps: a workgroup runs one sequence.
struct Sizes { T: u32, B: u32, H: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> W_h: array<f32>;  // (H, H)
@group(0) @binding(2) var<storage, read> h: array<f32>;  // (T+1, B, H)
@group(0) @binding(3) var<storage, read> dh: array<f32>;  // (T, B, H)
// (T, B, H), written
@group(0) @binding(4) var<storage, read_write> da: array<f32>;
// (B, H), written
@group(0) @binding(5) var<storage, read_write> dh0: array<f32>;

const THREADS = 128u;
const UNITS = 512u;
// da after and at a step, exchanged at every step
var<workgroup> da_next: array<f32, 1024>;

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) own: u32,
) {
    let b = group.x;
    let H = size.H;
    for (var j = own; j < H; j += THREADS) { da_next[j] = 0.0; }
    workgroupBarrier();
    var after = 0u;
    for (var back = 0u; back < size.T; back++) {
        let t = size.T - 1u - back;
        let here = UNITS - after;
        for (var j = own; j < H; j += THREADS) {
            var dh_t = dh[(t * size.B + b) * H + j];
            for (var k = 0u; k < H; k++) {
                dh_t += da_next[after + k] * W_h[j * H + k];
            }
            let value = h[((t + 1u) * size.B + b) * H + j];
            da_next[here + j] = dh_t * (1.0 - value * value);
            da[(t * size.B + b) * H + j] = da_next[here + j];
        }
        workgroupBarrier();
        after = here;
    }
    for (var j = own; j < H; j += THREADS) {
        var sum = 0.0;
        for (var k = 0u; k < H; k++) {
            sum += da_next[after + k] * W_h[j * H + k];
        }
        dh0[b * H + j] = sum;
    }
}
