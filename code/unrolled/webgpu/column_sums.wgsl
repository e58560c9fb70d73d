// The sum of every column of a matrix: an invocation takes one column.
struct Sizes { N: u32, V: u32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> rows: array<f32>;  // (N, V)
// (V), written
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(128)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= size.V) { return; }
    var sum = 0.0;
    for (var n = 0u; n < size.N; n++) { sum += rows[n * size.V + id.x]; }
    sums[id.x] = sum;
}
