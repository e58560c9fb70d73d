"""Programs side by side in Triton's interpreter."""

import numpy as np
import pytest

from unrolled.frameworks import triton_interpreter

triton = pytest.importorskip("triton", reason="Triton has builds for Linux alone")
tl = triton.language


@triton.jit
def numbered(out_ptr, N, PIECE: tl.constexpr):
    """Writes 100 m + n + an entry's place: which program wrote it."""
    place = tl.arange(0, PIECE)
    at = (tl.program_id(0) * tl.num_programs(1) + tl.program_id(1)) * PIECE + place
    tl.store(
        out_ptr + at, 100 * tl.program_id(0) + tl.program_id(1) + place * 0.0, at < N
    )


@triton.jit
def passed_on(out_ptr, turn_ptr):
    """Program n writes what program n - 1 wrote, and one more."""
    me = tl.program_id(0)
    while tl.atomic_add(turn_ptr, 0, sem="acquire") < me:
        pass
    before = tl.load(out_ptr + me)
    tl.store(out_ptr + me + 1, before + 1)
    tl.atomic_add(turn_ptr, 1, sem="release")


@triton.jit
def never(turn_ptr):
    """Waits for what nobody does."""
    while tl.atomic_add(turn_ptr, 0, sem="acquire") < 1:
        pass


def test_every_program_runs_once_and_knows_which_it_is():
    out = np.full(11, np.nan)
    traffic = triton_interpreter.run(numbered, (2, 3), (out, 11), {"PIECE": 2})
    np.testing.assert_array_equal(out, [0, 0, 1, 1, 2, 2, 100, 100, 101, 101, 102])
    assert (traffic.loaded, traffic.stored) == (0, 11 * 8)


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_programs_wait_for_one_another(seed):
    out = np.full(6, np.nan)
    out[0] = 7
    rng = None if seed is None else np.random.default_rng(seed)
    traffic = triton_interpreter.run(
        passed_on, (5,), (out, np.zeros(1, np.int32)), {}, rng
    )
    np.testing.assert_array_equal(out, [7, 8, 9, 10, 11, 12])
    assert (traffic.loaded, traffic.stored) == (5 * 8, 5 * 8)


def test_programs_that_wait_for_nobody_are_stuck(monkeypatch):
    monkeypatch.setattr(triton_interpreter, "PATIENCE", 10)
    with pytest.raises(
        triton_interpreter.Stuck, match="every program waits for another"
    ):
        triton_interpreter.run(never, (2,), (np.zeros(1, np.int32),), {})


def test_an_error_in_a_program_comes_out_and_leaves_the_interpreter_as_it_was():
    builder = triton_interpreter.interpreter.interpreter_builder
    with pytest.raises(Exception, match="store"):
        triton_interpreter.run(numbered, (2, 1), (3, 4), {"PIECE": 2})
    assert not {"create_atomic_rmw", "create_masked_load"} & set(vars(builder))
    test_every_program_runs_once_and_knows_which_it_is()


def test_an_array_in_pieces_is_refused():
    with pytest.raises(ValueError, match="out_ptr must be contiguous"):
        triton_interpreter.run(numbered, (1, 1), (np.zeros((4, 4)).T, 4), {"PIECE": 2})
