"""The generated tasks: what is asked is what is answered, and chance is what is claimed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import tasks

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(2, 60), st.integers(1, 8))
def test_adding_marks_one_number_in_each_half_and_asks_for_their_sum(seed, T, B):
    x, y = tasks.adding_problem(np.random.default_rng(seed), T, B, np.float64)
    assert x.shape == (T, B, 2)
    for b in range(B):
        first, second = np.flatnonzero(x[:, b, 1])  # exactly two
        assert first < T // 2 <= second
        assert y[b] == pytest.approx(x[first, b, 0] + x[second, b, 0], abs=1e-15)
    assert (x[..., 0] >= 0).all() and (x[..., 0] < 1).all()


def test_adding_marks_reach_every_place():
    x, _ = tasks.adding_problem(np.random.default_rng(0), 7, 2000)
    assert x[..., 1].any(axis=1).all()


def test_adding_chance_is_the_error_of_always_answering_one():
    _, y = tasks.adding_problem(np.random.default_rng(1), 20, 200_000, np.float64)
    assert np.mean((y - 1) ** 2) == pytest.approx(tasks.ADDING_CHANCE, rel=0.01)
    # No other constant does better.
    assert np.mean((y - y.mean()) ** 2) == pytest.approx(tasks.ADDING_CHANCE, rel=0.01)


@given(seeds, st.integers(0, 40), st.integers(1, 5), st.integers(1, 5))
def test_copy_asks_for_the_first_symbols_in_order_after_the_wait(
    seed, delay, B, length
):
    inputs, targets, mask = tasks.copy_task(
        np.random.default_rng(seed), delay, B, length
    )
    T = 2 * length + delay
    assert inputs.shape == targets.shape == mask.shape == (T, B)
    for b in range(B):
        symbols = list(inputs[:length, b])
        assert all(0 <= symbol < tasks.SYMBOLS for symbol in symbols)
        wait, answer = [tasks.BLANK] * delay, [tasks.GO] + [tasks.BLANK] * (length - 1)
        assert list(inputs[length:, b]) == wait + answer
        assert list(targets[mask[:, b], b]) == symbols
        assert list(np.flatnonzero(mask[:, b])) == list(range(T - length, T))


@pytest.mark.parametrize(("T", "B", "length"), [(20, 7, 4), (3, 2, 3), (1, 1, 1)])
def test_selective_copy_asks_for_the_scattered_symbols_in_order(T, B, length):
    batch = tasks.selective_copy(np.random.default_rng(5), T, B, length)
    assert batch.inputs.shape == (T + length, B)
    assert (batch.inputs[T:] == tasks.GO).all()
    for b in range(B):
        read = batch.inputs[:T, b]
        symbols = read[read != tasks.BLANK]
        assert symbols.tolist() == batch.targets[T:, b].tolist()
        assert (symbols < tasks.SYMBOLS).all() and len(symbols) == length
    assert (batch.mask == (np.arange(T + length) >= T)[:, None]).all()


def test_selective_copy_puts_symbols_everywhere_and_uses_all_of_them():
    batch = tasks.selective_copy(np.random.default_rng(6), 10, 4000, 2)
    shown = batch.inputs[:10] != tasks.BLANK
    np.testing.assert_allclose(shown.mean(axis=1), 0.2, atol=0.03)
    counts = np.bincount(batch.targets[10:].ravel(), minlength=tasks.SYMBOLS)
    np.testing.assert_allclose(counts / counts.sum(), 1 / 8, atol=0.02)


@pytest.mark.parametrize(("T", "B", "length"), [(3, 1, 4), (3, 0, 2), (3, 1, 0)])
def test_an_impossible_selective_copy_is_refused(T, B, length):
    with pytest.raises(ValueError, match="need length >= 1, T >= length and B >= 1"):
        tasks.selective_copy(np.random.default_rng(0), T, B, length)


def test_symbols_right_is_one_for_the_answer_and_an_eighth_for_guesses():
    batch = tasks.copy_task(np.random.default_rng(2), 10, 5000)
    answer = np.eye(tasks.SYMBOLS + 2)[batch.targets]
    assert tasks.symbols_right(answer, batch) == 1
    guesses = np.random.default_rng(3).normal(size=answer.shape)
    guesses[..., tasks.SYMBOLS :] = -9
    assert tasks.symbols_right(guesses, batch) == pytest.approx(
        1 / tasks.SYMBOLS, abs=0.01
    )
    one_wrong = answer.copy()
    one_wrong[-1] = np.eye(tasks.SYMBOLS + 2)[tasks.BLANK]
    assert tasks.symbols_right(one_wrong, batch) == pytest.approx(2 / 3)


def test_the_same_generator_state_draws_the_same_batch():
    for draw in tasks.adding_problem, tasks.copy_task:
        first, again = (draw(np.random.default_rng(5), 9, 4) for _ in range(2))
        other = draw(np.random.default_rng(6), 9, 4)
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize(("T", "B"), [(1, 4), (0, 4), (10, 0)])
def test_an_impossible_adding_problem_is_refused(T, B):
    with pytest.raises(ValueError, match=f"T={T} and B={B}"):
        tasks.adding_problem(np.random.default_rng(0), T, B)


@pytest.mark.parametrize(("delay", "B", "length"), [(-1, 4, 3), (5, 0, 3), (5, 4, 0)])
def test_an_impossible_copy_task_is_refused(delay, B, length):
    with pytest.raises(ValueError, match=f"got {delay}, {B} and {length}"):
        tasks.copy_task(np.random.default_rng(0), delay, B, length)


@given(seeds, st.integers(1, 12), st.integers(1, 4), st.integers(1, 9))
def test_copied_bits_are_those_shown_before_the_mark(seed, length, B, bits):
    x, y = tasks.copy_of_bits(np.random.default_rng(seed), length, B, bits)
    np.testing.assert_array_equal(x[:length, :, :bits], y)
    assert set(np.unique(y)) <= {0, 1} and x.shape == (2 * length + 1, B, bits + 1)
    # the mark and nothing else
    assert (x[length, :, bits] == 1).all() and x[length:].sum() == B
    assert not x[:length, :, bits].any()


def test_bits_are_coins_and_bits_right_counts_them():
    batch = tasks.copy_of_bits(np.random.default_rng(0), 10, 200)
    assert batch.y.mean() == pytest.approx(0.5, abs=0.02)
    logits = np.zeros((21, 200, 8))
    logits[11:] = 2 * batch.y - 1
    assert tasks.bits_right(logits, batch) == 1
    logits[12] *= -1
    assert tasks.bits_right(logits, batch) == pytest.approx(0.9)
    assert tasks.bits_right(-logits, batch) == pytest.approx(0.1)


def test_an_impossible_copy_of_bits_is_refused():
    for length, B, bits in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            tasks.copy_of_bits(np.random.default_rng(0), length, B, bits)


@given(seeds, st.integers(1, 9), st.integers(1, 4), st.integers(1, 3))
def test_recall_asks_each_key_once_and_wants_its_latest_value(seed, keys, B, writes):
    K, V = 11, 5
    rng = np.random.default_rng(seed)
    x, values = tasks.associative_recall(rng, keys, B, K, V, writes)
    assert x.shape == ((writes + 1) * keys, B, K + V) and values.shape == (keys, B)
    for b in range(B):
        held, asked = {}, []
        for t, step in enumerate(x[:, b]):
            (key,) = np.flatnonzero(step[:K])
            if t < writes * keys:
                (held[key],) = np.flatnonzero(step[K:])
            else:
                assert not step[K:].any()
                asked.append(key)
        assert sorted(asked) == sorted(held) and len(held) == keys
        assert [held[key] for key in asked] == values[:, b].tolist()
        for r in range(writes):  # every key once in each round
            part = x[r * keys : (r + 1) * keys, b, :K]
            assert sorted(part.argmax(axis=1)) == sorted(held)


def test_recall_draws_keys_orders_and_values_evenly():
    rng = np.random.default_rng(0)
    x, values = tasks.associative_recall(rng, 3, 4000, 4, 2, 2)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[:, :, :4].mean(axis=1), 1 / 4, atol=0.03)
    np.testing.assert_allclose(x[:6, :, 4:].mean(axis=1), 1 / 2, atol=0.03)
    np.testing.assert_allclose(values.mean(axis=1), 1 / 2, atol=0.03)
    orders = x[:, :, :4].argmax(axis=-1).reshape(3, 3, -1)
    same = (orders[0] == orders[1]).all(axis=0).mean()
    assert same == pytest.approx(1 / 6, abs=0.03)


@pytest.mark.parametrize(
    "setting", [(0, 1), (1, 0), (65, 1), (1, 1, 64, 0), (1, 1, 64, 16, 0)]
)
def test_recall_refuses_settings_below_their_minimum(setting):
    with pytest.raises(ValueError, match="need keys >= 1, B >= 1, V >= 1"):
        tasks.associative_recall(np.random.default_rng(0), *setting)
