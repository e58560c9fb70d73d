"""The appendix "Training without losing anything": a run that is stopped and continued."""

import contextlib
import signal

import numpy as np
import pytest

from tests.support.small_training import fresh, run, same, some_sentences
from unrolled import tree
from unrolled.training import train


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
