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
    if arguments[:1] == ["tanh"]:
        arguments[:1] = tests.NONLINEARITIES[0]
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
