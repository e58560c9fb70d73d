"""The appendix "Training without losing anything": a run that is stopped and continued."""

import contextlib
import signal

import numpy as np
import pytest

from tests.support.small_training import fresh, run, same, some_sentences
from unrolled import tree
from unrolled.data import text
from unrolled.models import language_model
from unrolled.training import optimizers, train


def test_ctrl_c_saves_and_the_resumed_run_ends_in_the_same_numbers(tmp_path):
    sentences = some_sentences()
    *_, whole = run(fresh(), sentences)
    with contextlib.chdir(tmp_path):
        with pytest.raises(train.Interrupted, match="step 4; saved in run.npz"):
            for progress in run(fresh(), sentences, path="run.npz"):
                if progress.step == 4:
                    signal.raise_signal(signal.SIGINT)
        *_, resumed = run(fresh(), sentences, path="run.npz")
    assert resumed.step == whole.step and same(resumed.params, whole.params)


def test_a_loss_that_draws_random_numbers_continues_to_different_numbers(tmp_path):
    """A checkpoint holds no generator: after it, the loss draws from a new one."""
    sentences = some_sentences()

    def noisy_run(**options):
        rng = np.random.default_rng(1)

        def loss_and_gradient(params, batch):
            loss, gradient = language_model.loss_and_gradient(params, batch)
            return loss, tree.map(lambda g: g * (rng.random(g.shape) < 0.5), gradient)

        return train.train(
            fresh(),
            lambda epoch: text.batches(sentences, 16, np.random.default_rng(epoch)),
            loss_and_gradient,
            optimizers.sgd,
            epochs=2,
            learning_rate=0.01,
            progress=False,
            **options,
        )

    *_, whole = noisy_run()
    *_, again = noisy_run()
    assert same(again.params, whole.params)
    path = tmp_path / "run.npz"
    with contextlib.closing(noisy_run(path=path, save_every=1)) as begun:
        for progress in begun:
            if progress.step == 4:
                break
    *_, resumed = noisy_run(path=path)
    assert resumed.step == whole.step and not same(resumed.params, whole.params)


def test_a_run_that_diverges_stops_before_the_parameters_are_changed():
    params = fresh()
    before = tree.map(np.copy, params)
    params.W_y[0, 0] = before.W_y[0, 0] = np.nan
    with pytest.raises(train.Diverged, match="step 0"):
        next(run(params, some_sentences()))
    assert all(
        np.array_equal(x, y, equal_nan=True)
        for x, y in zip(tree.leaves(params), tree.leaves(before), strict=True)
    )
