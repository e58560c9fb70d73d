// Loss and gradient: a workgroup reads a row of logits twice, writes it once.
struct Sizes { N: u32, V: u32, scale: f32 }

@group(0) @binding(0) var<uniform> size: Sizes;
// (N, V): h W_y, then du
@group(0) @binding(1) var<storage, read_write> u: array<f32>;
@group(0) @binding(2) var<storage, read> b_y: array<f32>;  // (V)
@group(0) @binding(3) var<storage, read> targets: array<u32>;  // (N)
// (N): 1, or 0 for padding
@group(0) @binding(4) var<storage, read> mask: array<f32>;
// (N), written
@group(0) @binding(5) var<storage, read_write> losses: array<f32>;

const THREADS = 128u;
var<workgroup> largest: array<f32, 128>;
var<workgroup> total: array<f32, 128>;

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_index) own: u32,
) {
    let row = group.x * size.V;
    // The sum of exp(u - m) so far; a larger m makes the sum so far smaller.
    var m = -3.0e38;
    var s = 0.0;
    for (var v = own; v < size.V; v += THREADS) {
        let logit = u[row + v] + b_y[v];
        let greater = max(m, logit);
        s = s * exp(m - greater) + exp(logit - greater);
        m = greater;
    }
    largest[own] = m;
    total[own] = s;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if (own < half) {
            let greater = max(largest[own], largest[own + half]);
            total[own] = total[own] * exp(largest[own] - greater)
                + total[own + half] * exp(largest[own + half] - greater);
            largest[own] = greater;
        }
        workgroupBarrier();
    }
    let log_total = largest[0] + log(total[0]);
    let scale = size.scale * mask[group.x];
    for (var v = own; v < size.V; v += THREADS) {
        let logit = u[row + v] + b_y[v];
        var du = exp(logit - log_total);
        if (v == targets[group.x]) {
            du -= 1.0;
            losses[group.x] = scale * (log_total - logit);
        }
        u[row + v] = scale * du;
    }
}
