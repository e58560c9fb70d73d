// Row i of W_x loses rate times the sum of da where word i is read.
struct Sizes { N: u32, D: u32, rate: f32 }

@group(0) @binding(0) var<uniform> size: Sizes;
// (V, D), overwritten where a word is read
@group(0) @binding(1) var<storage, read_write> W_x: array<f32>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;  // (N)
@group(0) @binding(3) var<storage, read> da: array<f32>;  // (N, D)

const THREADS = 128u;

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) own: u32,
) {
    let word = ids[group.x];
    // Only the workgroup of a word's first position changes its row.
    for (var n = 0u; n < group.x; n++) {
        if (ids[n] == word) { return; }
    }
    for (var j = own; j < size.D; j += THREADS) {
        var sum = 0.0;
        for (var n = group.x; n < size.N; n++) {
            if (ids[n] == word) { sum += da[n * size.D + j]; }
        }
        W_x[word * size.D + j] -= size.rate * sum;
    }
}
