"""The counts of ``cost`` are those of the code itself, run on arrays that count."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import blas

from unrolled import tree
from unrolled.data import text
from unrolled.models import language_model
from unrolled.speed import cost, sgd_step
from unrolled.training import optimizers

T, B, H, V = 9, 3, 20, 700
GEMM = sgd_step.subtract_product


class Metered(np.ndarray):
    """An array that counts the calls it takes part in, and what they do and move."""

    operations = numbers = exponentials = calls = 0

    @classmethod
    def note(cls, inputs, result, operations=0, exponentials=0):
        arrays = [array for array in inputs if np.ndim(array)]
        if not np.ndim(result) and not arrays:
            return
        Metered.operations += operations
        Metered.numbers += sum(np.size(array) for array in arrays) + np.size(result)
        Metered.exponentials += exponentials
        Metered.calls += 1

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        plain = [np.asarray(array) for array in inputs]
        if out:
            options["out"] = tuple(np.asarray(array) for array in out)
        result = getattr(ufunc, method)(*plain, **options)
        operations = 2 * plain[0].size * _columns(plain[1]) if ufunc is np.matmul else 0
        exponentials = np.size(result) if ufunc in (np.exp, np.tanh) else 0
        Metered.note(plain[: ufunc.nin], result, operations, exponentials)
        return np.asanyarray(result).view(Metered)

    def __array_function__(self, function, types, arguments, options):
        if function is np.dot:
            return np.matmul(*arguments, **options)
        if function is np.outer:
            left, right = arguments
            # and the sum that it is added to
            Metered.operations += 2 * left.size * right.size
            return np.multiply(left[:, None], right)
        return super().__array_function__(function, types, arguments, options)


def _columns(array):
    return array.shape[-1] if array.ndim > 1 else 1


def metered_gemm(alpha, a, b, beta, c, trans_b, overwrite_c):
    """BLAS's gemm, counted: scipy's own takes an array of any kind for a plain one."""
    plain = [np.asarray(array) for array in (a, b, c)]
    Metered.note(plain, plain[2], operations=2 * a.size * b.shape[0])
    blas.dgemm(
        alpha, plain[0], plain[1], beta=beta, c=plain[2], trans_b=1, overwrite_c=1
    )


class MeteredWorkspace(sgd_step.Workspace):
    def array(self, name, shape, dtype):
        return super().array(name, shape, dtype).view(Metered)


def example(B=B):
    rng = np.random.default_rng(0)
    p = language_model.init(rng, V, H, dtype=np.float64)
    inputs, targets = rng.integers(0, V, (2, T, B))
    return tree.map(lambda w: w.view(Metered), p), text.Batch(
        inputs, targets, np.ones((T, B), bool)
    )


def run_plainly(p, batch):
    sgd_step.reference_step(p, batch, 0.1)


def run_loops(p, batch):
    _, d = language_model.loss_and_gradient_loops(
        p, batch.inputs[:, 0], batch.targets[:, 0]
    )
    optimizers.sgd(p, d, learning_rate=0.1)


def run_step(output, **options):
    def run(p, batch):
        sgd_step.step(p, batch, 0.1, MeteredWorkspace(), output, **options)

    return run


WAYS = {
    "loops": (run_loops, cost.loops(T, H, V), 1),
    "plain": (run_plainly, cost.plain(T, B, H, V), B),
    "in place": (run_step(sgd_step.output_in_place), cost.in_place(T, B, H, V), B),
    "fused": (run_step(sgd_step.output_fused), cost.fused(T, B, H, V), B),
    "updating": (
        run_step(sgd_step.output_and_update, subtract=GEMM),
        cost.updating(T, B, H, V),
        B,
    ),
    "in NumPy": (
        run_step(sgd_step.output_and_update),
        cost.updating(T, B, H, V, in_numpy=True),
        B,
    ),
    "in blocks": (
        run_step(sgd_step.output_and_update, rows_at_once=48, subtract=GEMM),
        cost.updating(T, 16, H, V, rows_at_once=48),
        16,
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_step_does_what_is_counted(way, monkeypatch):
    run, calls, batch_size = WAYS[way]
    monkeypatch.setattr(sgd_step, "get_blas_funcs", lambda name, dtype: metered_gemm)
    p, batch = example(batch_size)
    for name in ("zeros", "empty"):  # the arrays that the code makes count as well
        make = getattr(np, name)
        monkeypatch.setattr(
            np, name, lambda *a, make=make, **k: make(*a, **k).view(Metered)
        )
    for field in ("operations", "numbers", "exponentials", "calls"):
        setattr(Metered, field, 0)
    run(p, batch)
    # no ufunc, so not metered
    counted = [call for call in calls if "copy" not in call.name]
    expected = cost.total(counted, itemsize=8)
    assert Metered.operations == expected.operations
    assert Metered.exponentials == expected.exponentials
    assert_allclose(8 * Metered.numbers, expected.bytes, rtol=0.02)
    assert Metered.calls == expected.calls


MACHINE = cost.Machine(rate=100e9, bandwidth=50e9, exponential=1e-9, call=1e-6)


@pytest.mark.equation("eq-call-time")
def test_the_time_of_a_call_is_what_takes_longest():
    compute = cost.product("p", 1000, 1000, 1000)
    memory = cost.passed("m", 10**6, often=3)
    exponentials = cost.passed("e", 2000, exponentials=1000)
    found = cost.seconds([compute, memory, exponentials], 4, MACHINE)
    by_hand = 2e9 / 100e9 + 3 * 4e6 / 50e9 + 1000e-9 + 5e-6
    assert_allclose(found, by_hand, rtol=1e-12)
    assert cost.seconds([memory], 8, MACHINE) > 1.9 * cost.seconds([memory], 4, MACHINE)


@pytest.mark.equation("eq-roofline")
def test_a_roof_has_two_sides_that_meet_at_the_ridge():
    ridge = MACHINE.rate / MACHINE.bandwidth
    assert cost.attainable(ridge / 4, MACHINE) == pytest.approx(MACHINE.rate / 4)
    assert cost.attainable(ridge, MACHINE) == pytest.approx(MACHINE.rate)
    assert cost.attainable(4 * ridge, MACHINE) == MACHINE.rate
    # A product alone, at the roof, takes the time that eq-call-time gives it.
    product = cost.product("p", 45, 100, 8000)._replace(often=1)
    free = MACHINE._replace(call=0.0)
    intensity = product.operations / (4 * product.numbers)
    roof = product.operations / cost.attainable(intensity, free)
    assert_allclose(cost.seconds([product], 4, free), roof, rtol=1e-12)


@pytest.mark.parametrize("N", [1, 45, 1440])
def test_the_operations_for_each_byte_of_a_step_grow_with_its_rows(N):
    x, W, y = (
        np.zeros((N, 100), "f"),
        np.zeros((100, 8000), "f"),
        np.zeros((N, 8000), "f"),
    )
    calls = cost.products_of_the_output(N, 8000, 100)
    found = cost.total(calls, 4)
    by_hand = 6 * N * 100 * 8000 / (3 * (x.nbytes + W.nbytes + y.nbytes))
    assert_allclose(found.operations / found.bytes, by_hand, rtol=1e-12)


@pytest.mark.equation("eq-floor")
def test_the_floor_is_the_count_of_the_output_layer():
    assert cost.floor(45, 1, 100, 8000, rate=1e9) == pytest.approx(0.216)
    calls = cost.products_of_the_output(45 * 2, 8000, 100)
    assert cost.floor(45, 2, 100, 8000, 1.0) == cost.total(calls, 4).operations


def test_each_way_moves_less_than_the_one_before_it():
    sizes = 45, 1, 100, 8000
    ways = (
        cost.loops(45, 100, 8000),
        *(
            way(*sizes)
            for way in (cost.plain, cost.in_place, cost.fused, cost.updating)
        ),
    )
    moved = [cost.total(way, 4).bytes for way in ways]
    assert moved == sorted(moved, reverse=True) and moved[0] > 20 * moved[-1]
