// Some columns of p lose rate * dp: an invocation takes one entry of dp.
struct Sizes { entries: u32, columns: u32, of_p: u32, first: u32, rate: f32 }

@group(0) @binding(0) var<uniform> size: Sizes;
// (rows, of_p), overwritten from column first on
@group(0) @binding(1) var<storage, read_write> p: array<f32>;
@group(0) @binding(2) var<storage, read> dp: array<f32>;  // (rows, columns)

@compute @workgroup_size(128)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    for (var n = id.x; n < size.entries; n += 128u * groups.x) {
        let at = n / size.columns * size.of_p + size.first + n % size.columns;
        p[at] -= size.rate * dp[n];
    }
}
