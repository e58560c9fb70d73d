// c = a b. An invocation computes one entry of c and reads 2K numbers.
struct Sizes {
    M: u32,
    N: u32,
    K: u32,
    a_row: u32,
    a_column: u32,
    b_row: u32,
    b_column: u32,
}

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

fn a_at(i: u32, k: u32) -> f32 {
    if (i >= size.M || k >= size.K) { return 0.0; }
    return a[i * size.a_row + k * size.a_column];
}

fn b_at(k: u32, j: u32) -> f32 {
    if (k >= size.K || j >= size.N) { return 0.0; }
    return b[k * size.b_row + j * size.b_column];
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.y;
    let j = id.x;
    if (i >= size.M || j >= size.N) { return; }
    var sum = 0.0;
    for (var k = 0u; k < size.K; k++) {
        sum += a_at(i, k) * b_at(k, j);
    }
    c[i * size.N + j] = sum;
}
