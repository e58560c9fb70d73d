// h_t = f_t h_{t-1} + g_t: a workgroup takes one column, an invocation a chunk.
struct Sizes { T: u32, D: u32, chunk: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> f: array<f32>;  // (T, D)
@group(0) @binding(2) var<storage, read> g: array<f32>;  // (T, D)
// (T+1, D); [0] is given
@group(0) @binding(3) var<storage, read_write> h: array<f32>;

const THREADS = 128u;
// f and g of all steps up to the end of a chunk
var<workgroup> factor: array<f32, 128>;
var<workgroup> summand: array<f32, 128>;

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) own: u32,
) {
    let first = min(own * size.chunk, size.T);
    let last = min(first + size.chunk, size.T);
    var F = 1.0;
    var G = 0.0;
    for (var t = first; t < last; t++) {
        let at = t * size.D + group.x;
        G = f[at] * G + g[at];
        F = f[at] * F;
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
    var state = h[group.x];
    if (own > 0u) { state = factor[own - 1u] * state + summand[own - 1u]; }
    for (var t = first; t < last; t++) {
        let at = t * size.D + group.x;
        state = f[at] * state + g[at];
        h[at + size.D] = state;
    }
}
