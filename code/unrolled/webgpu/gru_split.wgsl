// What dW_h of a GRU is made of: an invocation takes one unit of a row.
struct Sizes { N: u32, H: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> gates: array<f32>;  // (N, 3H): z r ~h
@group(0) @binding(2) var<storage, read> before: array<f32>;  // (N, H): h_{t-1}
@group(0) @binding(3) var<storage, read> da: array<f32>;  // (N, 3H)
// (N, H): r_t h_{t-1}, what the candidate's product reads; written
@group(0) @binding(4) var<storage, read_write> kept: array<f32>;
// (N, 2H): da of z and r; written
@group(0) @binding(5) var<storage, read_write> da_gates: array<f32>;
// (N, H): da of ~h; written
@group(0) @binding(6) var<storage, read_write> da_candidate: array<f32>;

@compute @workgroup_size(128)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let H = size.H;
    for (var n = id.x; n < size.N * H; n += 128u * groups.x) {
        let at = n / H * 3u * H + n % H;
        kept[n] = gates[at + H] * before[n];
        da_gates[n / H * 2u * H + n % H] = da[at];
        da_gates[n / H * 2u * H + n % H + H] = da[at + H];
        da_candidate[n] = da[at + 2u * H];
    }
}
