// The gradient of an LSTM, all steps: a workgroup runs one sequence.
struct Sizes { T: u32, B: u32, H: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> W_h: array<f32>;  // (H, 4H)
// (T, B, 4H): i f g o
@group(0) @binding(2) var<storage, read> gates: array<f32>;
@group(0) @binding(3) var<storage, read> c: array<f32>;  // (T+1, B, H)
@group(0) @binding(4) var<storage, read> dh: array<f32>;  // (T, B, H)
// (T, B, 4H), written
@group(0) @binding(5) var<storage, read_write> da: array<f32>;
// (2, B, H): dh0 dc0, written
@group(0) @binding(6) var<storage, read_write> dstates: array<f32>;

const THREADS = 128u;
var<workgroup> da_next: array<f32, 2048>;
var<workgroup> dh_t: array<f32, 512>;
var<workgroup> dc_next: array<f32, 512>;

fn bounded_tanh(x: f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }

fn from_next(j: u32) -> f32 {
    var sum = 0.0;
    for (var k = 0u; k < 4u * size.H; k++) {
        sum += da_next[k] * W_h[j * 4u * size.H + k];
    }
    return sum;
}

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) own: u32,
) {
    let b = group.x;
    let H = size.H;
    for (var k = own; k < 4u * H; k += THREADS) { da_next[k] = 0.0; }
    for (var j = own; j < H; j += THREADS) { dc_next[j] = 0.0; }
    workgroupBarrier();
    for (var back = 0u; back < size.T; back++) {
        let t = size.T - 1u - back;
        for (var j = own; j < H; j += THREADS) {
            dh_t[j] = dh[(t * size.B + b) * H + j] + from_next(j);
        }
        workgroupBarrier();  // nobody reads da of step t + 1 any more
        for (var j = own; j < H; j += THREADS) {
            let at = (t * size.B + b) * 4u * H + j;
            let i = gates[at];
            let f = gates[at + H];
            let g = gates[at + 2u * H];
            let o = gates[at + 3u * H];
            let tanh_c = bounded_tanh(c[((t + 1u) * size.B + b) * H + j]);
            let dc = dc_next[j] + dh_t[j] * o * (1.0 - tanh_c * tanh_c);
            da_next[j] = dc * g * i * (1.0 - i);
            da_next[H + j] = dc * c[(t * size.B + b) * H + j] * f * (1.0 - f);
            da_next[2u * H + j] = dc * i * (1.0 - g * g);
            da_next[3u * H + j] = dh_t[j] * tanh_c * o * (1.0 - o);
            dc_next[j] = dc * f;
            for (var q = 0u; q < 4u; q++) {
                da[at + q * H] = da_next[q * H + j];
            }
        }
        workgroupBarrier();  // da of step t is there
    }
    for (var j = own; j < H; j += THREADS) {
        dstates[b * H + j] = from_next(j);
        dstates[(size.B + b) * H + j] = dc_next[j];
    }
}
