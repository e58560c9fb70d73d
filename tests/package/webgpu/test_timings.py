"""The kernels timed on the adapter that there is: proved first, and by turns."""

from unittest import mock

import pytest

from experiments.gpu import proof, webgpu
from unrolled.webgpu import device, product

SMALL = webgpu.settings(True)


@pytest.mark.webgpu
@pytest.mark.parametrize("part", webgpu.PARTS)
def test_a_part_is_proved_and_timed(gpu, part):
    with mock.patch.object(device, "open_gpu", lambda: gpu):
        found = webgpu.run(part, SMALL)
    assert 0 < found["gap"] < 1e-3 and found["stopped"] is None
    assert found["adapter"]["software"] == gpu.is_software()
    for contestants in found["times"].values():
        first = next(iter(contestants.values()))
        assert first["first_over_this"]["median"] == 1
        for at in contestants.values():
            assert at["median"] > 0 and at["dispatches"] >= 1


@pytest.mark.webgpu
def test_one_dispatch_stands_against_as_many_as_steps(gpu):
    ((_, found),) = webgpu.time_recurrence(gpu, "lstm", {"recurrences": [[9, 2, 5]]})
    assert {name: len(d) for name, d in found.items()} == {
        "forward, one dispatch": 1,
        "forward, a dispatch a step": 9,
        "backward, one dispatch": 1,
    }


@pytest.mark.webgpu
def test_a_wrong_kernel_is_not_timed(gpu):
    run, right = gpu.run, device.source("product_tiled")

    def planted(code, *rest):
        run(code.replace("start < size.K", "start < 1u", 1), *rest)

    with (
        mock.patch.object(device, "open_gpu", lambda: gpu),
        mock.patch.object(gpu, "run", planted),
        mock.patch.object(webgpu, "contest", mock.Mock(side_effect=AssertionError)),
        pytest.raises(proof.Wrong, match="a kernel is off by"),
    ):
        assert "start < size.K" in right
        webgpu.run("products", SMALL)


@pytest.mark.webgpu
def test_what_takes_too_long_ends_a_list(gpu):
    with mock.patch.object(device, "open_gpu", lambda: gpu):
        found = webgpu.run("products", SMALL | {"longest": 0.0})
    assert found["times"] == {} and found["stopped"].startswith("before 32: a pass")


@pytest.mark.webgpu
def test_dispatches_are_recorded_and_repeated(gpu):
    a, b = gpu.array([[2.0]]), gpu.array([[3.0]])
    with gpu.recorded() as dispatches:
        c = product.matmul(gpu, a, b)
    product.matmul(gpu, a, b)  # outside of the block
    assert len(dispatches) == 1 and gpu.read(c).tolist() == [[6.0]]
    before = gpu.dispatches
    gpu.submit(dispatches, 5)
    assert gpu.dispatches == before + 5
    gpu.wait()


@pytest.mark.webgpu
def test_seconds_grow_with_the_work_or_are_refused(gpu):
    a = gpu.array([[1.0] * 200] * 200)
    with gpu.recorded() as dispatches:
        product.matmul(gpu, a, a)
    few, many = webgpu.once(gpu, dispatches), webgpu.once(gpu, dispatches, 20)
    assert many > 5 * few > 0
    with mock.patch.object(gpu, "has_timestamps", False):
        assert webgpu.once(gpu, dispatches) > 0  # by the clock
        with pytest.raises(device.NoGpuError, match="no timestamps"):
            gpu.seconds(dispatches)
