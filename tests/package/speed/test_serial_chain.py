"""How long a chain of steps takes."""

import numpy as np
import pytest

from unrolled.cells import lstm
from unrolled.speed import serial_chain
from unrolled.speed.serial_chain import saturating_batch, seconds, share, work


@pytest.mark.equation("eq-chain-time")
def test_a_chain_takes_the_latency_or_the_work_whichever_is_longer():
    assert seconds(10, [1, 4, 100], latency=2e-6, work=1e6, rate=1e12) == pytest.approx(
        [20e-6, 40e-6, 1e-3]
    )


@pytest.mark.equation("eq-saturating-batch")
def test_at_the_saturating_batch_the_work_takes_the_latency():
    latency, rate, w = 3e-6, 4e13, work(256, 128, 4)
    B = saturating_batch(latency, w, rate)
    assert B * w / rate == pytest.approx(latency)
    assert share(B / 4, latency, w, rate) == pytest.approx(0.25)
    assert share(B, latency, w, rate) == pytest.approx(1)
    assert share(5 * B, latency, w, rate) == pytest.approx(1)


@pytest.mark.equation("eq-fused-floor")
def test_a_fused_pass_waits_twice_in_every_step_and_multiplies():
    floor = serial_chain.fused_floor(256, exchange=2e-6, operations=2e12, rate=1e15)
    assert floor == pytest.approx(2 * 256 * 2e-6 + 2e-3)


def test_work_is_what_the_matrix_products_of_an_lstm_do():
    T, B, D, H = 3, 2, 5, 4
    products = []

    class Watched(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **options):
            plain = [np.asarray(i) if isinstance(i, np.ndarray) else i for i in inputs]
            if options.get("out"):
                options["out"] = tuple(np.asarray(o) for o in options["out"])
            if ufunc is np.matmul:
                (*rows, k), columns = plain[0].shape, plain[1].shape[-1]
                products.append(2 * int(np.prod(rows)) * k * columns)
            return getattr(ufunc, method)(*plain, **options)

    p = lstm.init(np.random.default_rng(0), D, H)
    watched = lstm.Params(*(w.view(Watched) for w in p))
    x, dh = np.ones((T, B, D)), np.ones((T, B, H))
    _, cache = lstm.forward(watched, x)
    forward = sum(products)
    assert forward == T * B * serial_chain.work(H, D, 4, passes=1)
    cache = lstm.Cache(x.view(Watched), cache.h_previous.view(Watched), *cache[2:])
    lstm.backward(watched, cache, dh)
    assert sum(products) == T * B * serial_chain.work(H, D, 4)
