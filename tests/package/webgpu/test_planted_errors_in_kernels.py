"""Errors that are easily made in a kernel: each must turn the proof of the kernel red."""

from unittest import mock

import pytest

from experiments.gpu import wgsl_proofs as proofs
from unrolled.webgpu.device import source

# The kernel, what stands there, what is planted instead, the proof, and its arguments.
PLANTED = {
    "columns beyond the edge are written": (
        "product_tiled",
        "if (i < size.M && j < size.N)",
        "if (i < size.M)",
        proofs.of_product,
        ("tiled", 37, 65, 19),
    ),
    "the last tile is left out": (
        "product_tiled",
        "start < size.K; start",
        "start + TILE <= size.K; start",
        proofs.of_product,
        ("tiled", 37, 65, 19),
    ),
    "a tile of b is read transposed": (
        "product_tiled",
        "b_tile[k][own.x]",
        "b_tile[own.x][k]",
        proofs.of_product,
        ("tiled", 37, 65, 19),
    ),
    "half of a block is written": (
        "product_blocked",
        "for (var i = 0u; i < 4u; i++) {\n        for",
        "for (var i = 0u; i < 2u; i++) {\n        for",
        proofs.of_product,
        ("blocked", 70, 130, 33),
    ),
    "the strides of a are ignored": (
        "product_plain",
        "a[i * size.a_row + k * size.a_column]",
        "a[i * size.K + k]",
        proofs.of_product,
        ("plain", 5, 3, 7),
    ),
    "W_h is read transposed": (
        "rnn_forward",
        "W_h[k * H + j]",
        "W_h[j * H + k]",
        proofs.of_forward,
        ("rnn", 7, 3, 5),
    ),
    "the initial state is that of another sequence": (
        "rnn_forward",
        "(size.first * size.B + b) * H + j",
        "size.first * size.B * H + j",
        proofs.of_forward,
        ("rnn", 7, 3, 5),
    ),
    "a state is overwritten while others read it": (
        "rnn_forward",
        "state[after + j] = value",
        "state[before + j] = value",
        proofs.of_forward,
        ("rnn", 7, 3, 5),
    ),
    "tanh overflows": (
        "lstm_forward",
        "tanh(clamp(x, -15.0, 15.0))",
        "(exp(2.0 * x) - 1.0) / (exp(2.0 * x) + 1.0)",
        proofs.of_forward,
        ("lstm", 4, 2, 9, None, 300.0),
    ),
    "the gates f and g are exchanged": (
        "lstm_forward",
        "let f = sigmoid(sums.y);\n            let g = bounded_tanh(sums.z)",
        "let f = sigmoid(sums.z);\n            let g = bounded_tanh(sums.y)",
        proofs.of_forward,
        ("lstm", 7, 3, 5),
    ),
    "the cell state begins at zero": (
        "lstm_forward",
        "cell[j] = c[(size.first * size.B + b) * H + j]",
        "cell[j] = 0.0 * c[0]",
        proofs.of_forward,
        ("lstm", 7, 3, 5),
    ),
    "the reset gate comes after the product": (
        "gru_forward",
        "kept[j] = gates[at + H] * state[j]",
        "kept[j] = state[j]",
        proofs.of_forward,
        ("gru", 7, 3, 5),
    ),
    "the slope of tanh is left out": (
        "rnn_backward",
        "dh_t * (1.0 - value * value)",
        "dh_t",
        proofs.of_backward,
        ("rnn", 7, 3, 5),
    ),
    "only the last step's gradient reaches the first state": (
        "rnn_backward",
        "da_next[after + k] * W_h[j * H + k];\n            }\n            let",
        "0.0 * da_next[after + k] * W_h[j * H + k];\n            }\n            let",
        proofs.of_backward,
        ("rnn", 7, 3, 5),
    ),
    "dc is not passed on": (
        "lstm_backward",
        "dc_next[j] = dc * f",
        "dc_next[j] = dc",
        proofs.of_backward,
        ("lstm", 7, 3, 5),
    ),
    "the forget gate gets the later cell state": (
        "lstm_backward",
        "dc * c[(t * size.B + b) * H + j]",
        "dc * c[((t + 1u) * size.B + b) * H + j]",
        proofs.of_backward,
        ("lstm", 7, 3, 5),
    ),
    "the path through the update gate is lost": (
        "gru_backward",
        "dh_next[j] = dh_t * z",
        "dh_next[j] = 0.0 * z",
        proofs.of_backward,
        ("gru", 7, 3, 5),
    ),
    "the loss reads no bias": (
        "softmax_loss",
        "let logit = u[row + v] + b_y[v];\n        var du",
        "let logit = u[row + v] + 0.0 * b_y[v];\n        var du",
        proofs.of_output_layer,
        (11, 9, 301),
    ),
    "a sum is not rescaled when the maximum grows": (
        "softmax_loss",
        "s * exp(m - greater) + exp",
        "s + exp",
        proofs.of_output_layer,
        (11, 9, 301),
    ),
    "padding counts": (
        "softmax_loss",
        "size.scale * mask[group.x]",
        "size.scale + 0.0 * mask[group.x]",
        proofs.of_output_layer,
        (7, 5, 3),
    ),
    "the last row is not added": (
        "column_sums",
        "n < size.N; n++",
        "n + 1u < size.N; n++",
        proofs.of_output_layer,
        (11, 9, 301),
    ),
    "the update goes uphill": (
        "descent",
        "p[n] -= size.rate",
        "p[n] += size.rate",
        proofs.of_descent,
        (7, 5),
    ),
    "entries after the first round are left out": (
        "descent",
        "n < size.entries; n += 128u * groups.x",
        "n < min(size.entries, 128u * groups.x); n += 128u * groups.x",
        proofs.of_descent,
        (300, 451),
    ),
    "the bias is left out": (
        "gather",
        "bias[n % size.D]",
        "0.0 * bias[n % size.D]",
        proofs.of_training_step,
        ("rnn", 7, 3, 5, 13),
    ),
    "padding gets the gradient of the last word": (
        "gather",
        "if (row < size.rows) { value += table[row * size.D + n % size.D]; }",
        "value += table[min(row, size.rows - 1u) * size.D + n % size.D];",
        proofs.of_training_step,
        ("rnn", 7, 3, 5, 13),
    ),
    "a word that occurs twice is updated twice": (
        "embedding_descent",
        "if (ids[n] == word) { return; }",
        "if (ids[n] == word) { continue; }",
        proofs.of_training_step,
        ("lstm", 7, 3, 5, 13),
    ),
    "only the first position of a word counts": (
        "embedding_descent",
        "n < size.N; n++",
        "n < group.x + 1u; n++",
        proofs.of_training_step,
        ("rnn", 7, 3, 5, 13),
    ),
    "the candidate's weights get the state without the reset gate": (
        "gru_split",
        "gates[at + H] * before[n]",
        "before[n] + 0.0 * gates[at]",
        proofs.of_training_step,
        ("gru", 7, 3, 5, 13),
    ),
    "the reset gate gets the gradient of the update gate": (
        "gru_split",
        "da[at + H];",
        "da[at];",
        proofs.of_training_step,
        ("gru", 7, 3, 5, 13),
    ),
    "the candidate's columns are not changed": (
        "columns_descent",
        "size.first + n",
        "0u * size.first + n",
        proofs.of_training_step,
        ("gru", 7, 3, 5, 13),
    ),
    "rows are as long as those of the gradient": (
        "columns_descent",
        "* size.of_p",
        "* size.columns",
        proofs.of_training_step,
        ("gru", 7, 3, 5, 13),
    ),
    "the loss is that of the first word": (
        "column_sums",
        "n < size.N; n++",
        "n < min(size.N, 1u); n++",
        proofs.of_training_step,
        ("rnn", 7, 3, 5, 13),
    ),
    "steps are combined in the wrong order": (
        "scan_forward",
        "G = F * summand[own - reach] + G",
        "G = factor[own - reach] * G + summand[own - reach]",
        proofs.of_scan,
        (129, 5),
    ),
    "a round does not combine the factors": (
        "scan_forward",
        "F = F * factor[own - reach]",
        "F = factor[own]",
        proofs.of_scan,
        (129, 5),
    ),
    "a scan stops one round early": (
        "scan_forward",
        "reach < THREADS; reach",
        "2u * reach < THREADS; reach",
        proofs.of_scan,
        (1000, 3),
    ),
    "a scan starts from zero": (
        "scan_forward",
        "var state = h[group.x]",
        "var state = 0.0 * h[group.x]",
        proofs.of_scan,
        (7, 3),
    ),
    "a gradient takes the factor of its own step": (
        "scan_backward",
        "return f[(t + 1u) * size.D + column]",
        "return f[t * size.D + column]",
        proofs.of_scan_gradient,
        (129, 5),
    ),
    "the gradient of a factor takes the later state": (
        "scan_backward",
        "df[at] = state * h[at]",
        "df[at] = state * h[at + size.D]",
        proofs.of_scan_gradient,
        (7, 3),
    ),
}


@pytest.mark.webgpu
@pytest.mark.parametrize("error", PLANTED)
def test_a_planted_error_is_found(gpu, error):
    kernel, right, wrong, proof, arguments = PLANTED[error]
    text = source(kernel)
    assert text.count(right) >= 1, f"{kernel}.wgsl has no {right!r}"
    run = gpu.run

    def planted(code, *rest):
        run(code.replace(right, wrong, 1) if code == text else code, *rest)

    bounds = proofs.VALUES if proof is proofs.of_forward else proofs.GRADIENTS
    with mock.patch.object(gpu, "run", planted):
        gaps = proof(gpu, *arguments)
    assert max(flat(gaps)) > bounds


def flat(gaps):
    """Returns the gaps of a proof, which returns a number, a list, or a loss and a list."""
    if isinstance(gaps, tuple):
        loss, others = gaps
        return [loss, *others]
    return gaps if isinstance(gaps, list) else [gaps]
