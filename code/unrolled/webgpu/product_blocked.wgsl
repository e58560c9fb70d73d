// c = a b. An invocation keeps 4 by 4 sums in registers: 8 reads, 16 products.
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

const TILE = 64u;  // rows and columns of c in a workgroup
const DEPTH = 16u;
var<workgroup> a_tile: array<array<f32, 16>, 64>;
var<workgroup> b_tile: array<array<f32, 64>, 16>;

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_id) own: vec3u,
    @builtin(local_invocation_index) index: u32,
) {
    let row = group.y * TILE;
    let column = group.x * TILE;
    var sums: array<array<f32, 4>, 4>;
    for (var start = 0u; start < size.K; start += DEPTH) {
        for (var n = index; n < TILE * DEPTH; n += 256u) {
            let i = n / DEPTH;
            let k = n % DEPTH;
            a_tile[i][k] = a_at(row + i, start + k);
            let j = n % TILE;
            b_tile[n / TILE][j] = b_at(start + n / TILE, column + j);
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            var b_row: array<f32, 4>;
            for (var j = 0u; j < 4u; j++) {
                b_row[j] = b_tile[k][own.x + 16u * j];
            }
            for (var i = 0u; i < 4u; i++) {
                let a_value = a_tile[own.y + 16u * i][k];
                for (var j = 0u; j < 4u; j++) {
                    sums[i][j] += a_value * b_row[j];
                }
            }
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        for (var j = 0u; j < 4u; j++) {
            let y = row + own.y + 16u * i;
            let x = column + own.x + 16u * j;
            if (y < size.M && x < size.N) { c[y * size.N + x] = sums[i][j]; }
        }
    }
}
