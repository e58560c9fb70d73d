"""Errors planted in the memories' forward and backward passes: each must turn named tests red."""

import importlib
import types
from unittest import mock

import pytest

from tests import test_planted_errors as planting
from unrolled import lstm

NETWORK = ("test_memory_network", "test_backward_is_the_gradient_of_forward", 3)
EQUATIONS = ("test_memory_network", "test_forward_is_the_equations_sentence_by_sentence")
NETWORK_ALONE = ("test_memory_network", "test_a_batch_is_its_stories_one_by_one_without_padding")
MACHINE = ("test_turing_machine", "test_backward_is_the_gradient_of_forward", lstm, 4, 3)
STEP = (
    "test_turing_machine", "test_a_step_addresses_writes_reads_and_answers", lstm,
)  # fmt: skip
ADDRESS = ("test_turing_machine", "test_an_address_is_its_five_equations_slot_by_slot")
SPLIT = (
    "test_turing_machine", "test_a_split_sequence_with_its_state_carried_is_the_whole", lstm,
)  # fmt: skip
HEADS = ("test_multi_head", "test_backward_is_the_gradient_of_forward", True)
SELF = ("test_multi_head", "test_in_self_attention_a_step_is_asker_key_and_value_at_once")
BY_HEAD = ("test_multi_head", "test_forward_is_the_equations_head_by_head")
FEED = ("test_feed_forward", "test_backward_is_the_gradient_of_forward")

# what went wrong, module, function, right, wrong, tests that must fail
PLANTED = [
    ("what was read replaces the question",
     "memory_network", "forward", "q = q + c[:, 0]", "q = c[:, 0]", [EQUATIONS]),
    ("ages counted from the first sentence",
     "memory_network", "forward", "np.arange(S)[::-1]", "np.arange(S)",
     [EQUATIONS, NETWORK_ALONE]),
    ("keys and values from one embedding",
     "memory_network", "forward", "zip(memory[:-1], memory[1:]", "zip(memory[:-1], memory[:-1]",
     [EQUATIONS, NETWORK]),
    ("padding is read",
     "memory_network", "forward", "values, mask, attention", "values, None, attention",
     [EQUATIONS, NETWORK_ALONE]),
    ("gradient around the read left out",
     "memory_network", "backward", "dq = dq + dquery", "dq = dquery", [NETWORK]),
    ("values' gradient in the keys' embedding",
     "memory_network", "backward", "dmemory[j + 1] +=", "dmemory[j] +=", [NETWORK]),
    ("question embeds nothing",
     "memory_network", "backward", "dwords[0] += questions.T @ dq", "pass", [NETWORK]),
    ("answer embeds nothing",
     "memory_network", "backward", "dwords[-1] += du.T @ q", "pass", [NETWORK]),
    ("gradient of the ages reversed",
     "memory_network", "backward", "d.sum(axis=0)[::-1]", "d.sum(axis=0)", [NETWORK]),
    ("heads exchanged",
     "turing_machine", "step", "stages.w[:, WRITE, :, None], stages.w[:, READ, None]",
     "stages.w[:, READ, :, None], stages.w[:, WRITE, None]", [STEP, MACHINE]),
    ("read before it was written",
     "turing_machine", "step", "(w_read @ memory)", "(w_read @ state.memory)", [STEP, MACHINE]),
    ("shift the wrong way round",
     "turing_machine", "shift", "np.roll(w, o,", "np.roll(w, -o,", [ADDRESS, MACHINE]),
    ("gate the wrong way round",
     "turing_machine", "address", "(1 - head.gate) * w", "head.gate * w", [ADDRESS, MACHINE]),
    ("lengths not taken out",
     "turing_machine", "_unit", "v / length, length", "v, length", [ADDRESS]),
    ("along the key not taken out",
     "turing_machine", "_dunit", "dunit - along * unit", "dunit", [MACHINE]),
    ("shifts' gradient not turned",
     "turing_machine", "dshift", "np.roll(dshifted, -o,", "np.roll(dshifted, o,", [MACHINE]),
    ("sharpness without its logarithm",
     "turing_machine", "dsharpen", "(dlogits * np.log(w + TINY))", "(dlogits * w)", [MACHINE]),
    ("last place gets no gradient",
     "turing_machine", "daddress", "dw = (1 - head.gate) * dgated", "dw = 0 * dgated", [MACHINE]),
    ("address does not read the memory",
     "turing_machine", "dstep", "dmemory += dcontent", "pass", [MACHINE]),
    ("erasing forgotten on the way back",
     "turing_machine", "dstep", "dmemory = dmemory * (1 - w_write * erase[:, None])", "pass",
     [MACHINE]),
    ("what was lost counts as won",
     "turing_machine", "dstep", "dw[:, WRITE] -= (lost", "dw[:, WRITE] += (lost", [MACHINE]),
    ("the next step's read left out",
     "turing_machine", "dstep", "dhr[:, H:] + dafter.r", "dhr[:, H:]", [MACHINE]),
    ("controller's state gets no gradient",
     "turing_machine", "dstep", "dh = dh + dinner[0]", "pass", [MACHINE]),
    ("state not handed on",
     "turing_machine", "forward", "u_t, state, cache = step", "u_t, _, cache = step", [SPLIT]),
    ("query's gradient left out of its own step",
     "multi_head", "backward", "return dp, dx + dsource, None", "return dp, dsource, None",
     [SELF]),
    ("values' steps get no gradient",
     "multi_head", "backward", "dsource = dsource + dsource_v", "pass", [HEADS, SELF]),
    ("heads joined in the wrong order",
     "multi_head", "_from_heads", "c_BNTE.swapaxes(1, 2).reshape", "c_BNTE.reshape",
     [BY_HEAD, HEADS]),
    ("bias of the output summed over the batch alone",
     "multi_head", "backward", "dy_BTD.sum(axis=(0, 1))", "dy_BTD.sum(axis=0)[0]",
     [HEADS]),
    ("1 - h² left out",
     "feed_forward", "backward", "dtanh(cache.h, dh)", "dh", [FEED]),
]  # fmt: skip


def run(test, module, replacement):
    """Calls a test by its name while the module's functions are those of its replacement."""
    file, name, *arguments = test
    tests = importlib.import_module(f"tests.{file}")
    real = importlib.import_module(f"unrolled.{module}")
    functions = {
        key: value
        for key, value in vars(replacement).items()
        if isinstance(value, types.FunctionType) and value.__module__ == replacement.__name__
    }
    with mock.patch.multiple(real, **functions):
        getattr(tests, name)(*arguments)


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted[0])
def test_a_planted_error_turns_named_tests_red(planted):
    _, module, function, right, wrong, tests = planted
    broken = planting.mutant(module, function, right, wrong)
    for test in tests:
        with pytest.raises(AssertionError):
            run(test, module, broken)


@pytest.mark.slow
@pytest.mark.parametrize(
    "test", sorted({t for *_, tests in PLANTED for t in tests}, key=str), ids=lambda t: t[1]
)
def test_without_an_error_the_same_tests_pass(test):
    module = test[0].removeprefix("test_")
    _, _, function, right, *_ = next(planted for planted in PLANTED if planted[1] == module)
    run(test, module, planting.mutant(module, function, right, right))
