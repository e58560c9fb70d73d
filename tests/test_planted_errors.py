"""Errors planted in the backward passes: each must turn the tests named beside it red.

A test that no error can fail proves nothing. Here the source of one function is changed in one
place, its module runs with that change instead of the real one, and the named test must fail. The
errors are those that are easily made when backpropagation through time is written by hand.
"""

import importlib
import types
from pathlib import Path
from unittest import mock

import pytest

PACKAGE = Path(__file__).parent.parent / "code" / "unrolled"

# A test, as file:name, and the arguments that it is called with.
GRADIENT = ("test_rnn:test_backward_is_the_gradient_of_forward", "tanh", 5, 3)
FIVE = ("test_forward_mode:test_five_ways_agree", 5, 0)
LOOPS = ("test_rnn:test_loops_and_matrix_products_give_one_gradient",)
WINDOW_IS_LOOPS = ("test_rnn:test_a_window_is_the_loops_cut_short",)
PAIRS = ("test_rnn:test_each_truncation_keeps_the_pairs_of_its_name", 2)
WHOLE = ("test_rnn:test_the_three_truncations_differ_and_all_end_in_the_full_gradient",)
SENSITIVITY = ("test_forward_mode:test_the_sensitivity_is_the_derivative_of_the_state",)
SEGMENTS = ("test_recomputation:test_any_segment_length_gives_the_same_gradient",)
JACOBIAN = ("test_chain_rule:test_jacobian_product_reaches_from_any_state_to_any_later_one",)
INTERFACE = "test_cell_interface:test_backward_is_the_gradient_of_forward"
LSTM = (INTERFACE, "cell lstm", 5, 3)
TANGENT = ("chapters.test_the_gradient_of_an_lstm:test_forward_mode_finds_the_same_slope",)
LSTM_UNITS = ("chapters.test_the_lstm:test_step_and_forward_are_the_equations_unit_by_unit",)
LSTM_STEPS = ("test_cell_interface:test_forward_is_repeated_step", "cell lstm")
LSTM_GRAPH = ("test_cell_graph:test_walking_the_list_is_a_step", "listed 0")
LSTM_INIT = ("chapters.test_the_lstm:test_init_opens_the_forget_gate_and_no_other",)
GRU = (INTERFACE, "cell gru", 5, 3)
GRU_UNITS = ("chapters.test_the_gru:test_reset_before_unit_by_unit",)
GRU_GRAPH = ("test_cell_graph:test_walking_the_list_is_a_step", "listed 3")
RESET_AFTER = (INTERFACE, "cell gru_reset_after", 5, 3)
PEEPHOLES = (INTERFACE, "cell peephole_lstm", 5, 3)
PEEPHOLE_UNITS = ("chapters.test_variants:test_a_step_with_peepholes_unit_by_unit",)
CLOCK = ("chapters.test_variants:test_the_clock_fires_every_N_steps_and_only_peepholes_make_it",)
COUPLED = ("chapters.test_variants:test_a_weight_that_stands_in_two_places_collects_from_both",)
_DEEPER = "chapters.test_deeper_and_both_ways:test_"
LAYERS = (
    _DEEPER + "what_a_layer_returns_for_its_inputs_joins_what_the_loss_reads_of_the_layer_below",
)
STATES = (_DEEPER + "states_and_their_gradients_are_listed_from_the_top_layer_down",)
DROPOUT = (_DEEPER + "dropout_hides_a_share_scales_the_others_and_leaves_time_alone",)
DROPOUT_BACK = (_DEEPER + "the_gradient_through_dropout_is_that_of_the_network_with_these_factors",)
BOTH_ENDS = (_DEEPER + "in_a_batch_a_sequence_has_the_states_that_it_has_alone", "cell gru")
BOTH_ENDS_BACK = (_DEEPER + "the_gradient_from_both_ends_with_lengths", "cell gru")
REVERSE = (_DEEPER + "each_sequence_is_reversed_in_its_own_length",)

# what went wrong, module, function, right, wrong, tests that must fail
PLANTED = [
    ("transpose left out",
     "rnn", "backward", "p.W_h.T", "p.W_h", [GRADIENT, FIVE, LOOPS]),
    ("1 - h² of the step before",
     "rnn", "backward", "df(cache.h[t],", "df(cache.h_previous[t],", [GRADIENT, FIVE, LOOPS]),
    ("1 - h² of the step after",
     "rnn", "backward", "df(cache.h[t],", "df(cache.h[min(t + 1, len(dh) - 1)],",
     [GRADIENT, FIVE, LOOPS]),
    ("1 - h² left out",
     "rnn", "backward", "df(cache.h[t], dh[t] + dh_next)", "dh[t] + dh_next",
     [GRADIENT, FIVE, LOOPS]),
    ("only the outputs' own gradients",
     "rnn", "backward", "dh[t] + dh_next", "dh[t]", [GRADIENT, FIVE, LOOPS]),
    ("only the last output",
     "rnn", "backward", "dh[t] + dh_next", "dh_next if t < len(dh) - 1 else dh[t]",
     [GRADIENT, FIVE, LOOPS]),
    ("carried back from before the nonlinearity",
     "rnn", "backward", "dh_next = da[t] @", "dh_next = (dh[t] + dh_next) @",
     [GRADIENT, FIVE, LOOPS]),
    ("first step left out",
     "rnn", "backward", "reversed(range(len(dh)))", "reversed(range(1, len(dh)))",
     [GRADIENT, FIVE, LOOPS]),
    ("forward instead of backward",
     "rnn", "backward", "reversed(range(len(dh)))", "range(len(dh))", [GRADIENT, FIVE, LOOPS]),
    ("initial state gets no gradient",
     "rnn", "backward", "da), dh_next", "da), 0 * dh_next", [GRADIENT, FIVE, LOOPS]),
    ("state after the step instead of before",
     "rnn", "_parameter_gradients", "cache.h_previous", "cache.h", [GRADIENT, FIVE]),
    ("bias averaged over the batch",
     "rnn", "_parameter_gradients", "da.sum(axis=(0, 1))", "da.sum(axis=0).mean(axis=0)",
     [GRADIENT, FIVE, LOOPS]),
    ("window one too short",
     "rnn", "backward_window", "range(reach + 1)", "range(reach)",
     [PAIRS, WINDOW_IS_LOOPS, WHOLE]),
    ("window one too long",
     "rnn", "backward_window", 'min(_at_least_0("window", window), T - 1)',
     'min(_at_least_0("window", window) + 1, T - 1)', [PAIRS, WINDOW_IS_LOOPS]),
    ("window: 1 - h² of the wrong step",
     "rnn", "backward_window", "cache.h[: T - distance - 1]", "cache.h[1 : T - distance]",
     [PAIRS, WINDOW_IS_LOOPS, WHOLE]),
    ("loops: window one too short",
     "rnn", "backward_loops", "output - window - 1", "output - window", [WINDOW_IS_LOOPS]),
    ("last steps: one too many",
     "rnn", "backward_last", "max(0, len(dh) - ", "max(0, len(dh) - 1 - ", [PAIRS]),
    ("last steps: a gradient for the state that was never reached",
     "rnn", "backward_last", "if first == 0 else np.zeros_like(dh_first)", "", [PAIRS]),
    ("chunks: border one step early",
     "rnn", "backward_chunks", "(t + 1) % length", "(t + 2) % length", [PAIRS]),
    ("chunks: gradient crosses the border",
     "rnn", "backward_chunks", "if (t + 1) % length == 0:", "if False:", [PAIRS]),
    ("Jacobian transposed",
     "jacobians", "of_step", "slopes[..., None] * p.W_h.T", "slopes[..., None, :] * p.W_h",
     [JACOBIAN, FIVE]),
    ("product in the wrong order",
     "chain_rule", "jacobian_product", "product @ jacobians.of_step(p, h[step])",
     "jacobians.of_step(p, h[step]) @ product", [FIVE]),
    ("product one factor short",
     "chain_rule", "jacobian_product", "range(t, k, -1)", "range(t, k + 1, -1)", [FIVE]),
    ("sum without its earliest term",
     "chain_rule", "gradient", "for k in range(t + 1):", "for k in range(1, t + 1):", [FIVE]),
    ("forward mode without immediate use",
     "forward_mode", "step", "tree.map(np.add, carried.p, own_use)", "carried.p",
     [FIVE, SENSITIVITY]),
    ("forward mode with the Jacobian of the step before",
     "forward_mode", "step", "jacobians.of_step(p, h_t)", "jacobians.of_step(p, h)",
     [FIVE, SENSITIVITY]),
    ("recomputation from the wrong border",
     "recomputation", "backward", "rnn.forward(p, x[segment], border)",
     "rnn.forward(p, x[segment], borders[0])", [SEGMENTS]),
    ("recomputation: gradient stops at the border",
     "recomputation", "backward", "dh_segment[-1] += dh_next", "dh_segment[-1] += 0",
     [SEGMENTS]),
    ("lstm: input and forget gate exchanged on the way forward",
     "lstm", "step", "i, f, g, o = ", "f, i, g, o = ", [LSTM_UNITS, LSTM_STEPS, LSTM_GRAPH]),
    ("lstm: candidate and output gate exchanged",
     "lstm", "step", "i, f, g, o = ", "i, f, o, g = ", [LSTM_UNITS, LSTM_STEPS, LSTM_GRAPH]),
    ("lstm: the hidden state shows the cell without tanh",
     "lstm", "step", "gate(o) * np.tanh(c)", "gate(o) * c", [LSTM_UNITS, LSTM_STEPS, LSTM_GRAPH]),
    ("lstm: the forget gate's bias in the input gate's place",
     "lstm", "init", "b[H : 2 * H]", "b[:H]", [LSTM_INIT]),
    ("lstm: input and forget gate exchanged on the way back",
     "lstm", "backward", "da_i, da_f, da_g, da_o = ", "da_f, da_i, da_g, da_o = ",
     [LSTM, TANGENT]),
    ("lstm: no gradient along the cell",
     "lstm", "backward", "dc_next = dc_t * f[t]", "dc_next = 0 * dc_t", [LSTM, TANGENT]),
    ("lstm: no gradient from the state to its cell",
     "lstm", "backward", "dc_next + dtanh(tanh_c[t], dh_t * o[t])", "dc_next + 0", [LSTM, TANGENT]),
    ("lstm: tanh′ of the cell's value instead of its tanh",
     "lstm", "backward", "dtanh(tanh_c[t], dh_t", "dtanh(cache.c[t], dh_t", [LSTM, TANGENT]),
    ("lstm: tanh′ of the step before",
     "lstm", "backward", "dtanh(tanh_c[t], dh_t", "dtanh(np.tanh(c_previous[t]), dh_t",
     [LSTM, TANGENT]),
    ("lstm: the output gate multiplied the cell, not its tanh",
     "lstm", "backward", "dgate(o[t], dh_t * tanh_c[t])", "dgate(o[t], dh_t * cache.c[t])",
     [LSTM, TANGENT]),
    ("lstm: the forget gate multiplied the new cell",
     "lstm", "backward", "dc_t * c_previous[t]", "dc_t * cache.c[t]", [LSTM, TANGENT]),
    ("lstm: the forget gate of the step after",
     "lstm", "backward", "dc_t * f[t]", "dc_t * f[min(t + 1, T - 1)]", [LSTM, TANGENT]),
    ("lstm: a sigmoid's slope for the candidate",
     "lstm", "backward", "dtanh(g[t], dc_t * i[t])", "dgate(g[t], dc_t * i[t])", [LSTM, TANGENT]),
    ("lstm: input gate and candidate take their own values",
     "lstm", "backward", "dgate(i[t], dc_t * g[t])", "dgate(i[t], dc_t * i[t])", [LSTM, TANGENT]),
    ("lstm: only the outputs' own gradients",
     "lstm", "backward", "dh_t = dh[t] + dh_next", "dh_t = dh[t]", [LSTM, TANGENT]),
    ("lstm: transposes left out, block by block",
     "lstm", "backward", "@ p.W_h.T", "@ np.concatenate(np.split(p.W_h, 4, axis=1))",
     [LSTM, TANGENT]),
    ("lstm: state after the step instead of before",
     "lstm", "backward", "h_previous.reshape", "cache.h.reshape", [LSTM, TANGENT]),
    ("lstm: the initial cell gets the first cell's gradient",
     "lstm", "backward", "dx, dh_next, dc_next", "dx, dh_next, dc_t", [LSTM, TANGENT]),
    ("lstm: the gradient of the last state stops there",
     "lstm", "backward", "dh_next = da[t] @", "dh_next = (t < T - 1) * da[t] @", [LSTM, TANGENT]),
    ("gru: update and reset gate exchanged",
     "gru", "step", "z, r = ", "r, z = ", [GRU_UNITS, GRU_GRAPH]),
    ("gru: z writes",
     "gru", "step", "z * h + (1 - z) * candidate", "(1 - z) * h + z * candidate",
     [GRU_UNITS, GRU_GRAPH]),
    ("gru: reset after the product",
     "gru", "step", "(r * h) @ p.W_h[:, 2 * H :]", "r * (h @ p.W_h[:, 2 * H :])",
     [GRU_UNITS, GRU_GRAPH]),
    ("gru: gates exchanged on the way back",
     "gru", "backward", "da_z, da_r, da_candidate = ", "da_r, da_z, da_candidate = ", [GRU]),
    ("gru: z keeps the candidate",
     "gru", "backward", "dh_t * (1 - z[t])", "dh_t * z[t]", [GRU]),
    ("gru: the update gate takes part once",
     "gru", "backward", "(h_previous[t] - candidate[t])", "h_previous[t]", [GRU]),
    ("gru: no gradient along the state",
     "gru", "backward", "dh_t * z[t] + dreset", "dreset", [GRU]),
    ("gru: no gradient through the reset state",
     "gru", "backward", " + dreset * r[t]", "", [GRU]),
    ("gru: no gradient through the gates",
     "gru", "backward", "dh_next += da[t, :, : 2 * H] @ W_hzr.T", "dh_next += 0", [GRU]),
    ("gru: transpose left out",
     "gru", "backward", "da_candidate[t] @ W_hh.T", "da_candidate[t] @ W_hh", [GRU]),
    ("gru: tanh′ of the state instead of the candidate",
     "gru", "backward", "dtanh(candidate[t],", "dtanh(h_previous[t],", [GRU]),
    ("gru: the candidate's matrix saw the whole state",
     "gru", "backward", "(r * h_previous).reshape", "h_previous.reshape", [GRU]),
    ("gru, reset after: the inner product's gradient is not reset",
     "gru_reset_after", "backward", "da_candidate[t] * r[t]", "da_candidate[t]", [RESET_AFTER]),
    ("gru, reset after: the reset gate multiplied the state",
     "gru_reset_after", "backward", "da_candidate[t] * a_hh[t]", "da_candidate[t] * h_previous[t]",
     [RESET_AFTER]),
    ("gru, reset after: one bias for both products",
     "gru_reset_after", "backward", "da_h.sum(axis=(0, 1))]", "da.sum(axis=(0, 1))]",
     [RESET_AFTER]),
    ("peepholes: the output gate sees the old cell",
     "peephole_lstm", "step", "w_o * c_new", "w_o * c", [PEEPHOLE_UNITS]),
    ("peepholes: those of input and forget gate exchanged",
     "peephole_lstm", "forward", "w_i, w_f, w_o = p.w_c", "w_f, w_i, w_o = p.w_c",
     [PEEPHOLE_UNITS, CLOCK]),
    ("peepholes: nothing comes back through the output gate's",
     "peephole_lstm", "backward", "dc_t += da_o[t] * w_o", "dc_t += 0", [PEEPHOLES]),
    ("peepholes: nothing comes back through the forget gate's",
     "peephole_lstm", "backward", " + da_f[t] * w_f", "", [PEEPHOLES]),
    ("peepholes: those of input and forget gate exchanged on the way back",
     "peephole_lstm", "backward", "da_i[t] * w_i + da_f[t] * w_f",
     "da_i[t] * w_f + da_f[t] * w_i", [PEEPHOLES]),
    ("peepholes: the output gate's gradient from the old cell",
     "peephole_lstm", "backward", "(da_o, c)", "(da_o, c_previous)", [PEEPHOLES]),
    ("coupled: the sign of the second place forgotten",
     "coupled_lstm", "dexpand", "-= dfull", "+= dfull", [COUPLED]),
    ("coupled: only one place",
     "coupled_lstm", "dexpand", "-= dfull", "-= 0 * dfull", [COUPLED]),
    ("layers: the layer above is not heard",
     "stacked", "backward", "own[k] + dx", "own[k]", [LAYERS]),
    ("layers: what the loss reads of a lower layer is not heard",
     "stacked", "backward", "own[k] + dx", "dx", [LAYERS]),
    ("layers: gradients of the states from the bottom up",
     "stacked", "backward", "(*dstates, *dstate)", "(*dstate, *dstates)", [STATES]),
    ("layers: dropped entries get a gradient",
     "stacked", "backward", "dx = dx * cache.kept[k]", "pass", [DROPOUT_BACK]),
    ("layers: kept entries are not scaled",
     "stacked", "forward", " / x.dtype.type(1 - dropout)", "", [DROPOUT]),
    ("both ends: the padded array reversed as it stands",
     "bidirectional", "forward", "padding.reverse(x, lengths)", "x[::-1]",
     [BOTH_ENDS, BOTH_ENDS_BACK]),
    ("both ends: states not turned round again",
     "bidirectional", "forward", "padding.reverse(h_reverse, lengths)", "h_reverse", [BOTH_ENDS]),
    ("both ends: the output's gradient not turned round",
     "bidirectional", "backward", "dh_reverse = padding.reverse(dh_reverse, cache.lengths)", "pass",
     [BOTH_ENDS_BACK]),
    ("both ends: the inputs' gradient not turned round",
     "bidirectional", "backward", "padding.reverse(dx_reverse, cache.lengths)", "dx_reverse",
     [BOTH_ENDS_BACK]),
    ("both ends: chains exchanged",
     "bidirectional", "backward", "dh_onward, dh_reverse = ", "dh_reverse, dh_onward = ",
     [BOTH_ENDS_BACK]),
    ("padding: reversed one step short",
     "padding", "reverse", "lengths - 1 - t, t", "np.maximum(lengths - 2 - t, 0), t",
     [REVERSE, BOTH_ENDS]),
    ("padding: reversed into the padding",
     "padding", "reverse", "t < lengths", "t < lengths + 1", [REVERSE]),
]  # fmt: skip


def mutant(module, function, right, wrong):
    """The module with one change in one of its functions."""
    path = PACKAGE / f"{module}.py"
    source = path.read_text("utf-8")
    head, start, rest = source.partition(f"\ndef {function}(")
    assert start, f"{module} has no function {function}"
    body, nxt, tail = rest.partition("\n\n\ndef ")
    assert body.count(right) == 1, f"{right!r} stands {body.count(right)} times in {function}"
    found = types.ModuleType(f"unrolled.{module}")
    changed = head + start + body.replace(right, wrong) + nxt + tail
    exec(compile(changed, str(path), "exec"), found.__dict__)
    return found


def run(test, module, replacement):
    """Calls a test by its name while the module's functions are those of its replacement."""
    name, *arguments = test
    file, name = name.split(":")
    tests = importlib.import_module(f"tests.{file}")
    kind, _, which = str(arguments[0] if arguments else "").partition(" ")
    if kind == "tanh":
        arguments[:1] = tests.NONLINEARITIES[0]
    elif kind == "cell":
        arguments[0] = importlib.import_module(f"unrolled.{which}")
    elif kind == "listed":
        arguments[:1] = tests.CELLS[int(which)]
    real = importlib.import_module(f"unrolled.{module}")
    functions = {
        key: value
        for key, value in vars(replacement).items()
        if isinstance(value, types.FunctionType) and value.__module__ == replacement.__name__
    }
    with mock.patch.multiple(real, **functions):
        getattr(tests, name)(*arguments)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted[0])
def test_a_planted_error_turns_named_tests_red(planted):
    _, module, function, right, wrong, tests = planted
    broken = mutant(module, function, right, wrong)
    for test in tests:
        with pytest.raises(AssertionError):
            run(test, module, broken)


@pytest.mark.parametrize("test", sorted({t for *_, tests in PLANTED for t in tests}), ids=str)
def test_without_an_error_the_same_tests_pass(test):
    module = "rnn"
    run(test, module, mutant(module, "backward", "da[t] @ p.W_h.T", "da[t] @ (p.W_h.T)"))
