// c = a b. A workgroup copies tiles of a and b, and uses each number 16 times.
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

const TILE = 16u;
var<workgroup> a_tile: array<array<f32, 16>, 16>;
var<workgroup> b_tile: array<array<f32, 16>, 16>;

@compute @workgroup_size(16, 16)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_id) own: vec3u,
) {
    let i = id.y;
    let j = id.x;
    var sum = 0.0;
    for (var start = 0u; start < size.K; start += TILE) {
        a_tile[own.y][own.x] = a_at(i, start + own.x);
        b_tile[own.y][own.x] = b_at(start + own.y, j);
        workgroupBarrier();  // both tiles are there
        for (var k = 0u; k < TILE; k++) {
            sum += a_tile[own.y][k] * b_tile[k][own.x];
        }
        workgroupBarrier();  // nobody reads them any more
    }
    if (i < size.M && j < size.N) { c[i * size.N + j] = sum; }
}
