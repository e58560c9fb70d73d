"""A whole training step in WGSL: its loss, its weights, and a training, are NumPy's."""

from unittest import mock

import numpy as np
import pytest

from experiments.gpu import proof, webgpu, wgsl_training
from experiments.gpu import wgsl_proofs as proofs
from unrolled.cells import peephole_lstm
from unrolled.models import language_model
from unrolled.webgpu import device, training

CELLS = webgpu.TRAINED


@pytest.mark.webgpu
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("sizes", [(1, 1, 1, 2), (7, 3, 5, 13), (5, 2, 131, 301)])
def test_a_step_is_that_of_numpy(gpu, measured, cell, sizes):
    loss, gaps = proofs.of_training_step(gpu, cell, *sizes)
    measured("float64", f"loss of a step, {cell}", loss, proofs.VALUES)
    for found in gaps:
        measured("float64", f"weights after a step, {cell}", found, proofs.GRADIENTS)


@pytest.mark.webgpu
@pytest.mark.parametrize("cell", CELLS)
def test_a_step_reads_nothing_back(gpu, cell):
    p, batch = proofs.language_problem(cell, 7, 3, 5, 13)
    there = training.upload(gpu, p)
    words = training.words(gpu, there, batch)
    queue = type(gpu.device.queue)
    with (
        mock.patch.object(gpu, "read", side_effect=AssertionError("read back")),
        mock.patch.object(queue, "read_buffer", side_effect=AssertionError("copied")),
    ):
        loss = training.step(gpu, there, words, 0.1)
    assert np.isfinite(gpu.read(loss)).all()


@pytest.mark.webgpu
@pytest.mark.parametrize("cell", CELLS)
def test_a_training_loses_what_numpy_s_loses(gpu, measured, cell):
    rate = wgsl_training.settings(False)["rate"]
    found, right = proofs.of_training(gpu, cell, 60, rate)
    gap = proofs.gap(np.array(found), np.array(right))
    measured("float64", f"losses of a training, {cell}", gap, proofs.VALUES)
    assert found[0] == pytest.approx(np.log(23), abs=0.05)
    assert found[-1] < {"rnn": 0.1, "lstm": 2.5, "gru": 1.2}[cell]


@pytest.mark.webgpu
@pytest.mark.parametrize("part", wgsl_training.PARTS)
def test_a_recorded_training_is_compared_with_numpy_s(gpu, part):
    sizes = wgsl_training.settings(True)
    with mock.patch.object(device, "open_gpu", lambda: gpu):
        found = wgsl_training.run(part, sizes)
        assert len(found["here"]) == len(found["numpy"]) == sizes["updates"][part]
        assert found["adapter"]["software"] == gpu.is_software()
        assert 0 <= found["gap"] < 1e-4
        wrong = lambda *_: ([3.0, 2.0], [3.0, 2.001])  # noqa: E731
        with mock.patch.object(proofs, "of_training", wrong):
            with pytest.raises(proof.Wrong, match=r"off by 3\.3e-04 of the largest"):
                wgsl_training.run(part, sizes)


@pytest.mark.webgpu
def test_a_training_leaves_the_weights_that_it_was_given(gpu):
    p, batch = proofs.language_problem("rnn", 4, 2, 3, 9)
    before = p.W_y.copy()
    _, new = training.train(gpu, p, [batch, batch], 0.5)
    np.testing.assert_array_equal(p.W_y, before)
    assert not np.allclose(new.W_y, before)


@pytest.mark.webgpu
def test_rows_of_a_table_are_found_and_an_id_after_the_last_is_zero(gpu):
    table = proofs.random(0, 5, 3)
    ids = gpu.array([4, 0, 5, 4], np.uint32)
    found = gpu.read(training.gather(gpu, gpu.array(table), ids))
    right = np.concatenate([table, np.zeros((1, 3))])[[4, 0, 5, 4]]
    np.testing.assert_allclose(found, right, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b: b._replace(mask=np.zeros_like(b.mask)), "no word to predict"),
        (lambda b: b._replace(inputs=b.inputs + 9), "inputs"),
        (lambda b: b._replace(targets=b.targets + 9), "targets"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(change, says):
    p, batch = proofs.language_problem("rnn", 4, 2, 3, 9)
    with pytest.raises(ValueError, match=says):
        training.words(None, p, change(batch))


def test_a_cell_without_its_kernels_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="must be rnn, lstm or gru, got peephole_lstm"):
        training.upload(None, language_model.init(rng, 9, 3, peephole_lstm))
    with pytest.raises(ValueError, match="1 to 512 rows"):
        training.upload(None, language_model.init(rng, 2, 513))
