// The gradient of a GRU, all steps: a workgroup runs one sequence.
struct Sizes { T: u32, B: u32, H: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> W_h: array<f32>;  // (H, 3H)
// (T, B, 3H): z r ~h
@group(0) @binding(2) var<storage, read> gates: array<f32>;
@group(0) @binding(3) var<storage, read> h: array<f32>;  // (T+1, B, H)
@group(0) @binding(4) var<storage, read> dh: array<f32>;  // (T, B, H)
// (T, B, 3H), written
@group(0) @binding(5) var<storage, read_write> da: array<f32>;
// (B, H), written
@group(0) @binding(6) var<storage, read_write> dh0: array<f32>;

const THREADS = 128u;
var<workgroup> da_t: array<f32, 1536>;
var<workgroup> dh_next: array<f32, 512>;

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) own: u32,
) {
    let b = group.x;
    let H = size.H;
    for (var j = own; j < H; j += THREADS) { dh_next[j] = 0.0; }
    for (var back = 0u; back < size.T; back++) {
        let t = size.T - 1u - back;
        for (var j = own; j < H; j += THREADS) {
            let at = (t * size.B + b) * 3u * H + j;
            let z = gates[at];
            let candidate = gates[at + 2u * H];
            let previous = h[(t * size.B + b) * H + j];
            let dh_t = dh[(t * size.B + b) * H + j] + dh_next[j];
            da_t[j] = dh_t * (previous - candidate) * z * (1.0 - z);
            da_t[2u * H + j] = dh_t * (1.0 - z) * (1.0 - candidate * candidate);
            dh_next[j] = dh_t * z;
        }
        workgroupBarrier();  // the candidates' part of da is there
        for (var j = own; j < H; j += THREADS) {
            let at = (t * size.B + b) * 3u * H + j;
            let r = gates[at + H];
            var dkept = 0.0;  // of r_t h_{t-1}
            for (var k = 0u; k < H; k++) {
                dkept += da_t[2u * H + k] * W_h[j * 3u * H + 2u * H + k];
            }
            da_t[H + j] = dkept * h[(t * size.B + b) * H + j] * r * (1.0 - r);
            dh_next[j] += dkept * r;
            for (var q = 0u; q < 3u; q++) { da[at + q * H] = da_t[q * H + j]; }
        }
        workgroupBarrier();  // the gates' part of da is there
        for (var j = own; j < H; j += THREADS) {
            for (var k = 0u; k < 2u * H; k++) {
                dh_next[j] += da_t[k] * W_h[j * 3u * H + k];
            }
        }
        workgroupBarrier();  // nobody reads da of step t any more
    }
    for (var j = own; j < H; j += THREADS) { dh0[b * H + j] = dh_next[j]; }
}
