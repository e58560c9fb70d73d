"""The experiments on recurrences of today, run small: settings, and trainings that are kept."""

import runpy
import sys

import numpy as np
import pytest

from experiments.language_models import seeds
from experiments.recurrences import min_gru_language_model, selective_copying
from tests.support.cell_cases import shaken
from unrolled import records, tree
from unrolled.data import tasks
from unrolled.models import language_model


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A record's folder of its own, and trainings of few updates."""
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(records, "ROOT", tmp_path)
    trained = selective_copying.trained
    monkeypatch.setattr(
        selective_copying,
        "trained",
        lambda *setting: trained(*setting, steps=2, check_every=1),
    )


def test_the_share_right_is_counted_for_each_symbol():
    batch = selective_copying.drawn([3], 50)
    cell = selective_copying.CELLS["gru"]
    rng = np.random.default_rng(0)
    p = language_model.init(rng, tasks.SYMBOLS + 2, 8, cell)
    p = shaken(p, rng, 2.0)
    share = selective_copying.right(p, batch, cell)
    logits, _ = language_model.forward(p, batch.inputs, cell=cell)
    assert share.shape == (selective_copying.LENGTH,)
    assert share.mean() == pytest.approx(tasks.symbols_right(logits, batch))


def test_a_finished_training_is_read_and_not_repeated(small, monkeypatch):
    monkeypatch.setattr(records, "digest", lambda run: "code")
    run = type("Run", (), {"name": "selective_copying"})
    first = selective_copying.kept(run, "gru", 1, 0)
    assert first["cell"] == "gru" and len(first["right_by_symbol"]) == 6
    assert len(first["validation_errors"]) == 2
    monkeypatch.setattr(selective_copying, "one", None)
    assert selective_copying.kept(run, "gru", 1, 0) == first
    with pytest.raises(TypeError):
        selective_copying.kept(run, "gru", 1, 1)


@pytest.mark.parametrize("name", selective_copying.LAYERS)
def test_arguments_choose_the_record(name, monkeypatch):
    begun = []

    def begin(name):
        begun.append(name)
        raise InterruptedError

    monkeypatch.setattr(records, "begin", begin)
    monkeypatch.setattr(sys, "argv", ["-m", *selective_copying.ARGUMENTS[name]])
    with pytest.raises(InterruptedError):
        runpy.run_path(selective_copying.__file__, run_name="__main__")
    assert begun == [name]


def test_the_language_model_has_as_many_weights_as_the_gru_to_one_per_cent():
    recorded = records.load("gru_language_model")["results"]["parameters"]
    p = seeds.initial(min_gru_language_model.MODEL, 0)
    assert sum(leaf.size for leaf in tree.leaves(p)) == pytest.approx(
        recorded, rel=0.01
    )


def test_the_language_model_learns_in_the_short_run_of_its_witness():
    name = min_gru_language_model.NAME
    *losses, validation = min_gru_language_model.witness(name)[:21]
    V = min_gru_language_model.V
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) and validation < np.log(V)
