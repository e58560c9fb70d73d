"""Masks, ids and batches that the losses of the models refuse, each by its name."""

import numpy as np
import pytest

from tests.support.any_input.model_calls import pairs, words
from tests.support.any_input.problem import Problem
from unrolled.data import tasks
from unrolled.layers import attention
from unrolled.models import (
    hard_attention,
    language_model,
    local_attention,
    readout,
    seq2seq,
)

LANGUAGE = (language_model.loss, language_model.loss_and_gradient)


def translation(score=attention.general, feeding=False):
    return pairs(Problem(), score, feeding, False)


def losses_of_pairs(batch_changes):
    """Yields a call of every loss of a network of pairs, on a changed batch."""
    given = translation()
    p, batch = given["p"], given["batch"]._replace(**batch_changes)
    options = {"score": attention.general}
    yield lambda: seq2seq.loss(p, batch, feeding=False, **options)
    yield lambda: seq2seq.loss_and_gradient(p, batch, feeding=False, **options)
    yield lambda: hard_attention.exact(p, batch, **options)
    rng = np.random.default_rng(0)
    yield lambda: hard_attention.loss_and_gradient(p, batch, rng, **options)
    q = local_attention.of(rng, p)
    yield lambda: local_attention.loss_and_gradient(q, batch, 2)


@pytest.mark.parametrize("loss", LANGUAGE, ids=["loss", "gradient"])
def test_integer_masks_are_not_taken_for_indices(loss):
    p, batch = words(Problem()).values()
    with pytest.raises(ValueError, match="mask must be bool, got int64"):
        loss(p, batch._replace(mask=batch.mask.astype(int)))
    mask = translation()["batch"].mask.astype(int)
    for call in losses_of_pairs({"mask": mask}):
        with pytest.raises(ValueError, match="mask must be bool, got int64"):
            call()


@pytest.mark.parametrize("wrong", [-1, 14])
def test_targets_out_of_range_are_refused(wrong):
    targets = translation()["batch"].targets.copy()
    targets[0, 0] = wrong
    for call in losses_of_pairs({"targets": targets}):
        with pytest.raises(ValueError, match=r"ids must lie in 0\.\.13"):
            call()


def test_a_mask_that_is_all_false_is_refused():
    mask = np.zeros_like(translation()["batch"].mask)
    for call in losses_of_pairs({"mask": mask}):
        with pytest.raises(ValueError, match="no symbol to predict: its mask is all"):
            call()
    batch = tasks.copy_task(np.random.default_rng(0), 2, 3)
    logits = np.zeros((*batch.targets.shape, tasks.SYMBOLS + 2))
    with pytest.raises(ValueError, match="its mask is all False"):
        tasks.symbols_right(logits, batch._replace(mask=np.zeros_like(batch.mask)))


def test_a_batch_without_a_sequence_has_no_mean():
    p = readout.init(np.random.default_rng(0), 2, 3, dtype=np.float64)
    batch = tasks.Regression(np.zeros((5, 0, 2)), np.zeros(0))
    for loss in (readout.loss, readout.loss_and_gradient):
        with pytest.raises(ValueError, match="the batch has no sequence"):
            loss(p, batch)


def test_a_negative_window_is_refused():
    p, _ = words(Problem()).values()
    ids = np.array([1, 4, 2])
    with pytest.raises(ValueError, match="window must be at least 0, got -1"):
        language_model.loss_and_gradient_loops(p, ids, ids, window=-1)


def test_one_column_of_weights_is_not_repeated():
    p, batch = words(Problem()).values()
    narrow = p._replace(cell=p.cell._replace(W_h=p.cell.W_h[:, :1]))
    for loss in LANGUAGE:
        with pytest.raises(ValueError, match=r"W_h must be \(2, 2\), got \(2, 1\)"):
            loss(narrow, batch)


@pytest.mark.parametrize("temperature", [0, 1.0])
def test_nothing_is_generated_from_nan_or_without_a_word_left(temperature):
    p, _ = words(Problem()).values()
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="forbidden holds all 13 words"):
        language_model.generate(p, rng, 1, 2, range(13), temperature)
    with pytest.raises(ValueError, match="forbidden holds all 13 words"):
        others = [word for word in range(13) if word != 2]
        language_model.generate(p, rng, 1, 2, others, temperature, minimum=1)
    p.W_y[0, 0] = np.nan
    with pytest.raises(ValueError, match="logits of the next word must be finite"):
        language_model.generate(p, rng, 1, 2, temperature=temperature)
