"""Gates at exactly 0 or 1, and the plain network inside the gated ones."""

import numpy as np
import pytest

from unrolled import functional, tree
from unrolled.cells import fixed_gates, gru, lstm, rnn
from unrolled.training import optimizers

T, B, D, H = 7, 3, 4, 5


def case(cell, seed=0, dtype=np.float64):
    """A cell's weights with biases, inputs, and gradients of the states, all of order 1."""
    rng = np.random.default_rng(seed)
    p = tree.map(
        lambda w: rng.standard_normal(w.shape).astype(dtype), cell.init(rng, D, H)
    )
    x, dh = (rng.standard_normal((T, B, n)).astype(dtype) for n in (D, H))
    return p, x, dh


GATES = [(lstm, "i"), (lstm, "f"), (lstm, "o"), (gru, "z"), (gru, "r")]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_bias_of_40_saturates_exactly(dtype):
    one, zero = functional.sigmoid(np.array([40, -40], dtype))
    assert one == 1 and zero == 0 and one.dtype == dtype
    assert functional.sigmoid(dtype(10)) < 1 and functional.sigmoid(dtype(-6)) > 0


@pytest.mark.equation("eq-fixed-gate")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize(("cell", "gate"), GATES)
def test_a_fixed_gate_has_its_value_for_any_input_and_no_gradient(
    cell, gate, value, dtype
):
    p, x, dh = case(cell, dtype=dtype)
    fixed = fixed_gates.fix_gate(p, gate, value)
    h, cache = cell.forward(fixed, 10 * x)
    np.testing.assert_array_equal(
        getattr(cache, gate), np.full((T, B, H), value, dtype)
    )
    dp, *_ = cell.backward(fixed, cache, dh)
    block = fixed_gates.GATES[cell.Params][gate]
    # nothing comes in, or nothing out
    shut = (gate, value) in {("i", 0), ("o", 0), ("z", 1)}
    for name, dweight in tree.named_leaves(dp):
        blocks = np.split(dweight, len(p.b) // H, axis=-1)
        assert not blocks[block].any(), name
        assert any(part.any() for part in blocks) != shut, name
    for name, kept, new in zip(p._fields, p, fixed, strict=True):
        others = np.arange(len(p.b)) // H != block
        np.testing.assert_array_equal(new[..., others], kept[..., others], err_msg=name)


@pytest.mark.parametrize(
    "update", [optimizers.sgd, optimizers.rmsprop, optimizers.adam]
)
def test_training_leaves_a_fixed_gate_where_it_is(update):
    p, x, dh = case(lstm, 1)
    p, state = fixed_gates.fix_gate(p, "f", 1), None
    before = tree.map(np.copy, p)
    for _ in range(5):
        _, cache = lstm.forward(p, x)
        dp, *_ = lstm.backward(p, cache, dh)
        p, state = update(p, dp, state, learning_rate=0.1)
    for new, old in zip(p, before, strict=True):
        np.testing.assert_array_equal(new[..., H : 2 * H], old[..., H : 2 * H])
        assert not np.array_equal(new[..., :H], old[..., :H])
    assert (lstm.forward(p, x)[1].f == 1).all()


@pytest.mark.equation("eq-rnn-as-gru")
def test_the_plain_network_is_a_gru_to_the_last_bit():
    p, x, dh = case(rnn)
    special = fixed_gates.rnn_as_gru(p)
    h, cache = rnn.forward(p, x)
    h_gru, cache_gru = gru.forward(special, x)
    np.testing.assert_allclose(h_gru, h, rtol=0, atol=1e-15)
    dp, dx, dh0 = rnn.backward(p, cache, dh)
    dspecial, dx_gru, dh0_gru = gru.backward(special, cache_gru, dh)
    for name, d, wide in zip(p._fields, dp, dspecial, strict=True):
        np.testing.assert_allclose(
            wide[..., 2 * H :], d, rtol=1e-12, atol=1e-13, err_msg=name
        )
    np.testing.assert_allclose(dx_gru, dx, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dh0_gru, dh0, rtol=1e-12, atol=1e-13)


@pytest.mark.equation("eq-rnn-as-lstm")
def test_the_special_lstm_has_one_tanh_more():
    p, x, _ = case(rnn)
    h, cache = lstm.forward(fixed_gates.rnn_as_lstm(p), x)
    twice, _ = rnn.forward(p, x, f=lambda a: np.tanh(np.tanh(a)))
    np.testing.assert_allclose(h, twice, rtol=0, atol=1e-15)
    assert np.abs(h - rnn.forward(p, x)[0]).max() > 0.1  # and so it is another network
    assert np.abs(h).max() < np.tanh(1) < np.abs(cache.c).max()


@pytest.mark.equation("eq-rnn-as-small-lstm")
def test_a_small_input_gate_makes_the_lstm_plain_with_an_error_of_second_order():
    p, x, _ = case(rnn)
    p = p._replace(W_h=0.3 * p.W_h)
    h, _ = rnn.forward(p, x)
    scales = [1e-1, 1e-2, 1e-3]
    errors = [
        np.abs(lstm.forward(fixed_gates.rnn_as_small_lstm(p, s), x)[0] / s - h).max()
        for s in scales
    ]
    for larger, smaller in zip(errors, errors[1:], strict=False):
        assert larger / smaller == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize(
    ("p", "gate", "value", "message"),
    [
        (case(rnn)[0], "f", 1, r"pass lstm.Params or gru.Params"),
        (case(lstm)[0], "z", 1, r"this cell has the gates i, f, o, not 'z'"),
        (case(lstm)[0], "g", 1, r"this cell has the gates i, f, o, not 'g'"),
        (case(gru)[0], "f", 0, r"this cell has the gates z, r, not 'f'"),
        (case(gru)[0], "z", 0.5, r"fixed at 0 or 1, got 0.5"),
    ],
)
def test_what_cannot_be_fixed_is_named(p, gate, value, message):
    with pytest.raises(ValueError, match=message):
        fixed_gates.fix_gate(p, gate, value)


@pytest.mark.parametrize("scale", [0, 1, -0.1])
def test_a_scale_that_is_no_value_of_a_gate_is_refused(scale):
    with pytest.raises(ValueError, match="0 < scale < 1"):
        fixed_gates.rnn_as_small_lstm(case(rnn)[0], scale)
