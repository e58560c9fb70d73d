// Rows of a table by their ids, and a bias: an invocation takes one entry.
struct Sizes { N: u32, D: u32, rows: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> table: array<f32>;  // (rows, D)
@group(0) @binding(2) var<storage, read> ids: array<u32>;  // (N)
@group(0) @binding(3) var<storage, read> bias: array<f32>;  // (D)
// (N, D), written
@group(0) @binding(4) var<storage, read_write> found: array<f32>;

@compute @workgroup_size(128)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    for (var n = id.x; n < size.N * size.D; n += 128u * groups.x) {
        let row = ids[n / size.D];
        var value = bias[n % size.D];
        // An id after the last row stands for a row of zeros.
        if (row < size.rows) { value += table[row * size.D + n % size.D]; }
        found[n] = value;
    }
}
