"""When several devices pay."""

import numpy as np
import pytest

from unrolled.speed import data_parallel


@pytest.mark.equation("eq-ring-all-reduce")
@pytest.mark.parametrize("N", [1, 2, 3, 5])
def test_a_ring_adds_up_in_as_many_messages_as_are_counted(N):
    rng = np.random.default_rng(N)
    arrays = rng.standard_normal((N, 4 * N))
    held, sent = data_parallel.ring([np.split(a, N) for a in arrays])
    for pieces in held:
        np.testing.assert_allclose(
            np.concatenate(pieces), arrays.sum(axis=0), atol=1e-14
        )
    assert sent == [2 * (N - 1)] * N
    size, bandwidth, latency = arrays[0].nbytes, 1e9, 1e-6
    piece = size / N
    assert data_parallel.all_reduce(N, size, bandwidth, latency) == pytest.approx(
        sent[0] * (piece / bandwidth + latency)
    )


@pytest.mark.equation("eq-data-parallel-time")
def test_a_step_is_what_stays_what_is_shared_and_what_is_added():
    given = dict(fixed=1e-3, work=8e-3, size=4e6, bandwidth=1e10, latency=1e-5)
    assert data_parallel.step(1, **given) == pytest.approx(9e-3)
    assert data_parallel.step(4, **given) == pytest.approx(
        1e-3 + 2e-3 + 6 * (1e-4 + 1e-5)
    )
    assert data_parallel.speedup(4, **given) == pytest.approx(9 / 3.66)
    many = data_parallel.speedup(10**6, **given | {"latency": 0})
    # never above (fixed + work)/fixed
    assert many == pytest.approx(9e-3 / (1e-3 + 8e-4), rel=1e-3)


@pytest.mark.equation("eq-data-parallel-pays")
def test_two_devices_pay_from_twice_the_time_of_the_gradient():
    size, bandwidth = 7e6, 1e9
    edge = data_parallel.least_work(size, bandwidth)
    for work, pays in [(0.99 * edge, False), (1.01 * edge, True)]:
        assert (data_parallel.speedup(2, 5e-3, work, size, bandwidth) > 1) is pays


def test_no_device_is_refused():
    with pytest.raises(ValueError, match="at least one device, got 0"):
        data_parallel.all_reduce(0, 1, 1)
