// The gradient of a scan: the same scan from the last step to the first.
struct Sizes { T: u32, D: u32, chunk: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> f: array<f32>;  // (T, D)
@group(0) @binding(2) var<storage, read> h: array<f32>;  // (T+1, D)
@group(0) @binding(3) var<storage, read> dh: array<f32>;  // (T, D)
// (T, D), written
@group(0) @binding(4) var<storage, read_write> df: array<f32>;
// (T+1, D): dh0, then dg, written
@group(0) @binding(5) var<storage, read_write> dg: array<f32>;

const THREADS = 128u;
// f and dh of all steps from the last one to the end of a chunk
var<workgroup> factor: array<f32, 128>;
var<workgroup> summand: array<f32, 128>;

// f of the step after t, which leads from dg_{t+1} to dg_t
fn after(t: u32, column: u32) -> f32 {
    if (t + 1u >= size.T) { return 0.0; }
    return f[(t + 1u) * size.D + column];
}

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) own: u32,
) {
    let first = min(own * size.chunk, size.T);
    let last = min(first + size.chunk, size.T);
    var F = 1.0;
    var G = 0.0;
    for (var back = first; back < last; back++) {
        let t = size.T - 1u - back;
        let here = after(t, group.x);
        G = here * G + dh[t * size.D + group.x];
        F = here * F;
    }
    factor[own] = F;
    summand[own] = G;
    workgroupBarrier();  // the steps of all chunks are combined
    for (var reach = 1u; reach < THREADS; reach *= 2u) {
        if (own >= reach) {
            G = F * summand[own - reach] + G;
            F = F * factor[own - reach];
        }
        workgroupBarrier();  // nobody reads the last round any more
        factor[own] = F;
        summand[own] = G;
        workgroupBarrier();  // this round is there
    }
    var state = 0.0;
    if (own > 0u) { state = summand[own - 1u]; }
    for (var back = first; back < last; back++) {
        let t = size.T - 1u - back;
        let at = t * size.D + group.x;
        state = after(t, group.x) * state + dh[at];
        dg[at + size.D] = state;
        df[at] = state * h[at];
        if (t == 0u) { dg[group.x] = f[at] * state; }
    }
}
