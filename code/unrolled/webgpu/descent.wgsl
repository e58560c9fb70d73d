// p -= rate * dp: an invocation takes one entry.
struct Sizes { entries: u32, rate: f32 }

@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read_write> p: array<f32>;
@group(0) @binding(2) var<storage, read> dp: array<f32>;

@compute @workgroup_size(128)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    for (var n = id.x; n < size.entries; n += 128u * groups.x) {
        p[n] -= size.rate * dp[n];
    }
}
