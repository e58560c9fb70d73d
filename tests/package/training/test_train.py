"""The loop: what it does to the weights, when it stops, and that nothing is lost."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from tests.support.paths import ROOT
from tests.support.toy_training import Point, Pull, batches, point, pull
from unrolled import files, tree
from unrolled.data import text
from unrolled.models import language_model
from unrolled.training import checkpoint
from unrolled.training.optimizers import adam, rmsprop, sgd
from unrolled.training.train import (
    Counters,
    Diverged,
    Interrupted,
    load_best,
    one_step,
    train,
)

EPOCHS, RATE = 3, 0.05


def run(p, optimizer=adam, batches=batches, **settings):
    settings = {"epochs": EPOCHS, "learning_rate": RATE, "progress": False} | settings
    return list(train(p, batches, pull, optimizer, **settings))


def test_a_step_is_the_optimizers_step():
    p, q = point(), point()
    found = run(p, sgd)
    for epoch in range(EPOCHS):
        for batch in batches(epoch):
            q = Point(q.x - RATE * 2 * (q.x - batch.target))
    np.testing.assert_allclose(p.x, q.x, rtol=1e-12)
    assert [f.step for f in found] == list(range(1, 16)) and found[-1].words == 150
    assert [f.epoch for f in found] == [0] * 5 + [1] * 5 + [2] * 5


def test_losses_norms_and_epoch_means_are_those_of_the_batches():
    p, q = point(), point()
    found = run(p, sgd)
    losses = []
    for f, batch in zip(found[:5], batches(0), strict=True):
        loss, dq = pull(q, batch)
        losses.append(loss)
        assert f.loss == loss and f.gradient_norm == pytest.approx(np.linalg.norm(dq.x))
        q = Point(q.x - RATE * dq.x)
    assert [f.train_loss for f in found[:4]] == [None] * 4
    assert found[4].train_loss == pytest.approx(np.mean(losses))
    for f in found[4::5]:  # each epoch's mean is of its own words
        own = [g.loss for g in found if g.epoch == f.epoch]
        assert f.train_loss == pytest.approx(np.mean(own), rel=1e-12)


def test_one_step_returns_the_loss_before_it_and_moves_along_the_clipped_gradient():
    p, batch = point(), Pull(4.0)
    loss, dp = pull(p, batch)
    norm = np.linalg.norm(dp.x)
    for clip, used in ((None, dp.x), (0.5, 0.5 * dp.x / norm)):
        p = point()
        new, _, *found = one_step(p, batch, pull, sgd, learning_rate=RATE, clip=clip)
        np.testing.assert_allclose(new.x, point().x - RATE * used, rtol=1e-12)
        assert new is p and found == [loss, pytest.approx(norm, rel=1e-12)]


def test_the_weight_of_a_batch_scales_its_gradient_before_clipping():
    p, batch = point(), Pull(4.0)
    loss, dp = pull(p, batch)
    norm = np.linalg.norm(dp.x)
    for clip, used in ((None, 3 * dp.x), (0.5, 0.5 * dp.x / norm)):
        p = point()
        _, _, *found = one_step(
            p, batch, pull, sgd, learning_rate=RATE, clip=clip, weight=3.0
        )
        np.testing.assert_allclose(p.x, point().x - RATE * used, rtol=1e-12)
        assert found == [loss, pytest.approx(3 * norm, rel=1e-12)]


def unequal(epoch):
    """Batches of 10, 20, 30, 40 and 50 words."""
    return [
        batch._replace(mask=np.ones(10 * n, bool))
        for n, batch in enumerate(batches(epoch), start=1)
    ]


def test_a_batch_is_weighted_by_its_words_compared_with_the_epochs_mean():
    p, q = point(), point()
    found = run(p, sgd, epochs=1, batches=unequal)
    for progress, batch, weight in zip(
        found, unequal(0), (1 / 3, 2 / 3, 1, 4 / 3, 5 / 3), strict=True
    ):
        _, dq = pull(q, batch)
        assert progress.gradient_norm == pytest.approx(
            weight * np.linalg.norm(dq.x), rel=1e-12
        )
        q = Point(q.x - RATE * weight * dq.x)
    np.testing.assert_allclose(p.x, q.x, rtol=1e-12)


def test_without_per_word_every_batch_has_the_same_weight():
    p, q = point(), point()
    run(p, sgd, epochs=1, batches=unequal, per_word=False)
    run(q, sgd, epochs=1)
    assert p.x.tolist() == q.x.tolist()


def test_batches_of_equal_size_have_a_weight_of_exactly_1():
    p, q = point(), point()
    found, expected = run(p), run(q, per_word=False)
    assert p.x.tolist() == q.x.tolist()
    assert [f[:8] for f in found] == [f[:8] for f in expected]


def test_the_weighted_gradients_of_an_epoch_add_up_to_that_of_the_loss_per_word():
    """With a learning rate of almost 0, the steps of an epoch start from the same weights."""
    rng = np.random.default_rng(0)
    encoded = [
        np.array([1, *rng.integers(3, 9, length), 2]) for length in (1, 2, 2, 5, 9, 12)
    ]
    start = language_model.init(rng, 9, 4, dtype=np.float64)
    p, rate = tree.map(np.copy, start), 1e-7
    epoch = text.batches(encoded, 2)
    list(
        train(
            p,
            lambda _: epoch,
            language_model.loss_and_gradient,
            sgd,
            epochs=1,
            learning_rate=rate,
            progress=False,
        )
    )
    _, whole = language_model.loss_and_gradient(start, text.pad(encoded))
    for moved, at, gradient in zip(*map(tree.leaves, (p, start, whole)), strict=True):
        np.testing.assert_allclose(
            (at - moved) / (rate * len(epoch)), gradient, rtol=1e-4, atol=1e-7
        )


def test_the_weights_keep_single_precision():
    p = Point(np.array([1.0, -1.0], np.float32))
    seen = []

    def optimizer(params, gradients, state=None, learning_rate=0.1):
        seen.append(gradients.x.dtype)
        return sgd(params, gradients, state, learning_rate)

    list(
        train(
            p,
            unequal,
            lambda q, batch: (0.0, Point(np.ones_like(q.x))),
            optimizer,
            epochs=1,
            learning_rate=RATE,
            count=lambda batch: batch.mask.sum(),
            progress=False,
        )
    )
    assert set(seen) == {np.dtype(np.float32)}


def test_one_step_passes_the_optimizers_state_on():
    p, q, state, expected = point(), point(), None, None
    for batch in batches(0):
        p, state, *_ = one_step(p, batch, pull, adam, state, learning_rate=RATE)
        q, expected = adam(q, pull(q, batch)[1], expected, learning_rate=RATE)
    assert p.x.tolist() == q.x.tolist() and state.steps == 5
    np.testing.assert_array_equal(state.mean.x, expected.mean.x)


@pytest.mark.parametrize(("loss", "slope"), [(math.nan, 1.0), (1.0, math.inf)])
def test_one_step_that_diverges_leaves_the_parameters(loss, slope):
    p = point()
    with pytest.raises(Diverged, match="^the (loss|gradient's norm) is (nan|inf)"):
        one_step(
            p,
            Pull(0.0),
            lambda q, batch: (loss, Point(np.array([slope, 0.0]))),
            sgd,
            learning_rate=RATE,
        )
    assert p.x.tolist() == point().x.tolist()


def test_clipping_bounds_the_step():
    p = Point(np.array([1000.0, 0.0]))
    first = run(p, sgd, clip=1.0, epochs=1)[0]
    assert first.gradient_norm > 1000
    assert 1000 - p.x[0] == pytest.approx(5 * RATE, rel=1e-3)


def test_the_learning_rate_is_halved_after_a_loss_that_rose():
    losses = iter([5.0, 4.0, 4.5, 4.4, 4.6, 4.6, 1.0])
    found = run(point(), sgd, epochs=7, halve=True, validate=lambda _: next(losses))
    assert [f.learning_rate / RATE for f in found[::5]] == [
        1,
        1,
        1,
        0.5,
        0.5,
        0.25,
        0.25,
    ]
    assert [f.validation_loss for f in found[4::5]] == [
        5.0,
        4.0,
        4.5,
        4.4,
        4.6,
        4.6,
        1.0,
    ]


def test_patience_ends_training_and_the_best_parameters_are_kept(tmp_path):
    losses = iter([5.0, 3.0, 4.0, 4.0, 0.0])
    seen = []

    def validate(p):
        seen.append(p.x.copy())
        return next(losses)

    path = tmp_path / "run.npz"
    found = run(point(), epochs=9, patience=2, validate=validate, path=path)
    assert found[-1].epoch == 3
    np.testing.assert_array_equal(found[-1].best.x, seen[1])
    np.testing.assert_array_equal(load_best(path, point()).x, seen[1])
    assert (found[-1].params.x != seen[1]).all()


def test_with_patience_for_one_epoch_training_begins():
    losses = iter([5.0, 6.0])
    found = run(point(), epochs=9, patience=1, validate=lambda p: next(losses))
    assert found[-1].epoch == 1


def test_of_equal_validation_losses_the_first_is_the_best_and_the_others_are_no_gain():
    seen = []

    def validate(p):
        seen.append(p.x.copy())
        return 3.0

    found = run(point(), epochs=9, patience=2, validate=validate)
    assert found[-1].epoch == 2
    np.testing.assert_array_equal(found[-1].best.x, seen[0])


@pytest.mark.parametrize("optimizer", [sgd, rmsprop, adam])
@pytest.mark.parametrize("stop", [1, 5, 7, 14])
def test_a_stopped_run_goes_on_to_the_very_same_numbers(tmp_path, optimizer, stop):
    whole = point()
    expected = run(whole, optimizer, halve=True, validate=lambda p: float(p.x.sum()))
    path = tmp_path / "run.npz"
    again = {
        "halve": True,
        "validate": lambda p: float(p.x.sum()),
        "path": path,
        "save_every": 1,
    }
    first = point()
    for f in train(
        first,
        batches,
        pull,
        optimizer,
        epochs=3,
        learning_rate=RATE,
        progress=False,
        **again,
    ):
        if f.step == stop:
            break
    second = point()
    rest = run(second, optimizer, **again)
    assert second.x.tolist() == whole.x.tolist()
    assert [f[:8] for f in rest] == [f[:8] for f in expected[stop:]]
    assert rest[-1].best.x.tolist() == expected[-1].best.x.tolist()
    assert run(point(), optimizer, **again) == []


def test_a_run_is_saved_after_so_many_steps_and_after_each_epoch(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(
        checkpoint, "save", lambda path, state, facts: saved.append(facts["at"]["step"])
    )
    run(point(), path=tmp_path / "run.npz", save_every=2)
    assert saved == [2, 4, 5, 6, 8, 10, 12, 14, 15]
    saved.clear()
    list(
        train(
            point(),
            lambda epoch: 201 * batches(epoch),
            pull,
            sgd,
            epochs=1,
            learning_rate=RATE,
            path=tmp_path / "run.npz",
            progress=False,
        )
    )
    assert saved == [1000, 1005]


def test_a_checkpoint_names_its_counters_and_arrays_as_it_always_did(tmp_path):
    """Runs of hours go on from files that an earlier version of the loop has written."""
    path, stored = tmp_path / "run.npz", Point(np.array([0.25, 0.5]))
    at = {
        "step": 7,
        "epoch": 1,
        "step_in_epoch": 2,
        "words": 70,
        "learning_rate": 0.5,
        "epoch_loss": 30.0,
        "epoch_words": 20,
        "last_loss": 2.0,
        "best_loss": math.inf,
        "epochs_without_gain": 0,
    }
    checkpoint.save(
        path, checkpoint.State(stored, stored, ()), {"at": at, "settings": {}}
    )
    found = run(point(), sgd, path=path, epochs=2, save_every=1)
    assert [(f.step, f.epoch, f.words) for f in found] == [
        (8, 1, 80),
        (9, 1, 90),
        (10, 1, 100),
    ]
    assert {f.learning_rate for f in found} == {0.5}
    assert found[0].loss == pull(stored, batches(1)[2])[0]
    mean = (30.0 + 10 * sum(f.loss for f in found)) / 50
    assert found[-1].train_loss == pytest.approx(mean, rel=1e-12)
    assert set(checkpoint.load_facts(path)["at"]) == set(at)
    with np.load(path) as archive:
        assert set(archive.files) == {"params.x", "best.x", "facts"}


def test_a_checkpoint_of_other_settings_or_another_model_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    run(point(), path=path, settings={"H": 1})
    with pytest.raises(ValueError, match=r"other settings: \{'H': 1\}, now \{'H': 2\}"):
        run(point(), path=path, settings={"H": 2})
    with pytest.raises(
        ValueError, match=r"params\.x has shape \(2,\), expected \(3,\)"
    ):
        run(Point(np.zeros(3)), path=path, settings={"H": 1})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="damaged"):
        run(point(), path=path, settings={"H": 1})


def first_steps(path, steps=1, optimizer=adam, p=None, **settings):
    """Trains for some steps, saves after each, and stops."""
    settings = {"learning_rate": RATE, "epochs": EPOCHS} | settings
    p = point() if p is None else p
    run = train(
        p, batches, pull, optimizer, path=path, save_every=1, progress=False, **settings
    )
    for _ in range(steps):
        next(run)
    run.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (adam, sgd),
        (rmsprop, sgd),
        (sgd, rmsprop),
        (adam, rmsprop),
        (adam, partial(adam, decays=(0.5, 0.9))),
        (partial(adam, epsilon=1e-8), partial(adam, epsilon=1e-6)),
    ],
)
def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path, before, after):
    path = tmp_path / "run.npz"
    first_steps(path, optimizer=before)
    with pytest.raises(ValueError, match=r"run\.npz was made with optimizer .*, now "):
        run(point(), after, path=path)
    assert len(run(point(), before, path=path)) == 14


def test_an_old_checkpoint_of_another_optimizer_is_refused(tmp_path):
    """Files from before the optimizer was noted still hold its arrays."""
    path = tmp_path / "run.npz"
    first_steps(path)
    facts = checkpoint.load_facts(path)
    del facts["run"]
    with np.load(path) as archive:
        stored = {name: archive[name] for name in archive.files if name != "facts"}
    np.savez(path, **stored, facts=np.array(json.dumps(facts)))
    with pytest.raises(ValueError, match=r"holds optimizer\.mean.*another optimizer"):
        run(point(), sgd, path=path)
    assert len(run(point(), path=path)) == 14


@pytest.mark.parametrize("halve", [False, True])
def test_a_checkpoint_of_another_learning_rate_is_refused(tmp_path, halve):
    path, rising = tmp_path / "run.npz", iter(range(9)).__next__
    first_steps(path, 11, halve=halve, validate=lambda _: rising())
    assert checkpoint.load_facts(path)["at"]["learning_rate"] == (
        RATE / 2 if halve else RATE
    )
    for other in (2 * RATE, RATE / 2):
        with pytest.raises(ValueError, match=rf"learning_rate {RATE}, now {other}"):
            run(point(), path=path, halve=halve, learning_rate=other)
    assert len(run(point(), path=path, halve=halve)) == 4


def test_a_checkpoint_of_another_precision_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    first_steps(path, p=Point(np.zeros(2, np.float32)), optimizer=sgd)
    with pytest.raises(
        ValueError, match=r"params\.x has dtype float32, expected float64"
    ):
        run(point(), sgd, path=path)


@pytest.mark.parametrize(
    ("given", "saved"),
    [
        ({"layers": (3, 4)}, {"layers": [3, 4]}),
        ({1: "one"}, {"1": "one"}),
        ({"deep": {"of": ((1, 2), 3)}}, {"deep": {"of": [[1, 2], 3]}}),
        ({"rate": np.float32(0.5), "H": np.int64(3)}, {"rate": 0.5, "H": 3}),
        ({"clip": math.nan}, None),
    ],
)
def test_settings_that_json_changes_are_those_of_the_continued_run(
    tmp_path, given, saved
):
    path = tmp_path / "run.npz"
    first_steps(path, settings=given)
    assert saved in (None, checkpoint.load_facts(path)["settings"])
    assert len(run(point(), path=path, settings=given)) == 14
    with pytest.raises(ValueError, match="other settings"):
        run(point(), path=path, settings=given | {"H": 4})


@pytest.mark.parametrize("setting", [{1, 2}, np.ones(2), 1j, print])
def test_settings_that_cannot_be_saved_are_named_before_the_first_step(
    tmp_path, setting
):
    p = point()
    with pytest.raises(TypeError, match=r"^settings\['odd'\] cannot be saved"):
        run(p, path=tmp_path / "run.npz", settings={"H": 3, "odd": setting})
    assert p.x.tolist() == point().x.tolist() and os.listdir(tmp_path) == []


def test_of_two_trainings_on_one_file_the_second_is_refused(tmp_path):
    path, p, q = tmp_path / "run.npz", point(), point()
    first = train(
        p, batches, pull, adam, epochs=3, learning_rate=RATE, path=path, progress=False
    )
    next(first)
    with pytest.raises(ValueError, match=r"another training writes to .*run\.npz"):
        run(q, path=tmp_path / ".." / tmp_path.name / "run.npz")
    run(q, path=tmp_path / "other.npz")
    assert len(list(first)) == 14 and p.x.tolist() == q.x.tolist()
    assert run(point(), path=path) == []
    assert sorted(os.listdir(tmp_path)) == ["other.npz", "run.npz"]


def test_without_locks_a_second_training_in_the_same_process_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(files, "fcntl", None)
    path = tmp_path / "run.npz"
    first = train(point(), batches, pull, adam, epochs=3, learning_rate=RATE, path=path)
    next(first)
    with pytest.raises(ValueError, match=r"another training writes to .*run\.npz"):
        run(point(), path=path)
    first.close()
    assert len(run(point(), path=path)) == 15


def test_a_training_in_another_process_keeps_its_file(tmp_path):
    script = textwrap.dedent("""
        import sys
        from tests.support.toy_training import batches, point, pull
        from unrolled.training.optimizers import adam
        from unrolled.training.train import train
        steps = train(point(), batches, pull, adam, epochs=3, learning_rate=0.05,
                      path=sys.argv[1], save_every=1, progress=False)
        print(next(steps).step, flush=True)
        sys.stdin.read()
    """)
    path = tmp_path / "run.npz"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "1\n"
        with pytest.raises(ValueError, match="another training writes to"):
            run(point(), path=path)
        process.kill()
    assert len(run(point(), path=path)) == 14  # a lock ends with its process


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"settings": {}},
        {"settings": {}, "at": [1]},
        {"settings": {}, "at": {"step": 1}},
        {"settings": {}, "at": dict.fromkeys(Counters._fields, "7")},
        {"settings": {}, "at": dict.fromkeys(Counters._fields, math.nan)},
    ],
)
def test_a_checkpoint_without_counters_is_refused(tmp_path, facts):
    path = tmp_path / "run.npz"
    p, saved = point(), Point(np.array([7.0, 7.0]))
    checkpoint.save(path, checkpoint.State(saved, saved, ()), facts)
    with pytest.raises(ValueError, match=r"run\.npz (was|is) (made|not|damaged)"):
        run(p, sgd, path=path)
    assert p.x.tolist() == point().x.tolist()


@pytest.mark.parametrize("save_every", [0, -1, 0.5, "1", None])
def test_steps_between_checkpoints_are_a_number_above_0(tmp_path, save_every):
    with pytest.raises(ValueError, match="^save_every must be an integer above 0, got"):
        run(point(), path=tmp_path / "run.npz", save_every=save_every)


@pytest.mark.parametrize("per_word", [True, False])
@pytest.mark.parametrize("empty", [0, 2])
def test_a_batch_without_a_word_is_named(empty, per_word):
    counts = [0 if i == empty else 10 for i in range(5)]
    with pytest.raises(
        ValueError, match=f"count must be above 0, got 0 for batch {empty} of epoch 0"
    ):
        run(
            point(),
            sgd,
            per_word=per_word,
            count=lambda batch: counts[
                [b.target for b in batches(0)].index(batch.target)
            ],
        )


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("epoch", [0, 1])
def test_a_validation_loss_that_is_not_finite_stops_training(tmp_path, bad, epoch):
    path, losses = tmp_path / "run.npz", iter([bad] if epoch == 0 else [2.0, bad])
    found = []
    with pytest.raises(
        Diverged,
        match=rf"^epoch {epoch}: the validation loss is -?(nan|inf), .*, if there is one",
    ):
        found.extend(
            train(
                point(),
                batches,
                pull,
                sgd,
                epochs=3,
                learning_rate=RATE,
                validate=lambda _: next(losses),
                path=path,
                progress=False,
            )
        )
    assert path.exists() == (epoch == 1)
    if epoch == 1:
        assert checkpoint.load_facts(path)["at"]["best_loss"] == 2.0


@pytest.mark.parametrize("empty", [0, 2])
def test_an_epoch_without_batches_is_named(empty):
    with pytest.raises(
        ValueError, match=rf"^epoch {empty} has no batch .* at least 1, got 0$"
    ):
        list(
            train(
                point(),
                lambda epoch: [] if epoch == empty else batches(epoch),
                pull,
                sgd,
                epochs=3,
                learning_rate=RATE,
                progress=False,
            )
        )


def test_a_run_that_goes_on_with_fewer_batches_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    next(
        train(
            point(),
            batches,
            pull,
            sgd,
            epochs=1,
            learning_rate=RATE,
            path=path,
            save_every=1,
            progress=False,
        )
    )
    with pytest.raises(ValueError, match="^epoch 0 has no batch .* at least 2, got 1$"):
        list(
            train(
                point(),
                lambda epoch: batches(epoch)[:1],
                pull,
                sgd,
                epochs=1,
                learning_rate=RATE,
                path=path,
                progress=False,
            )
        )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_training_before_the_step(bad):
    p, kept = point(), []

    def loss_and_gradient(q, batch):
        kept.append(q.x.copy())
        loss, dq = pull(q, batch)
        return (bad, dq) if len(kept) == 4 else (loss, dq)

    with pytest.raises(
        Diverged, match=r"^step 3: the loss is (nan|inf), the gradient's norm \d"
    ):
        list(
            train(
                p,
                batches,
                loss_and_gradient,
                sgd,
                epochs=1,
                learning_rate=0.1,
                progress=False,
            )
        )
    np.testing.assert_array_equal(p.x, kept[-1])


def test_a_gradient_that_is_not_finite_stops_training():
    def loss_and_gradient(q, batch):
        return 1.0, Point(np.array([np.inf, 0.0]))

    with pytest.raises(Diverged, match="step 0: the gradient's norm is inf"):
        list(
            train(
                point(),
                batches,
                loss_and_gradient,
                sgd,
                epochs=1,
                learning_rate=1,
                progress=False,
            )
        )


def test_ctrl_c_between_steps_saves_and_says_where(tmp_path):
    path, before = tmp_path / "run.npz", signal.getsignal(signal.SIGINT)
    steps = 0
    with pytest.raises(
        Interrupted, match=r"^stopped after step 3; saved in .*run\.npz"
    ):
        for f in train(
            point(),
            batches,
            pull,
            adam,
            epochs=3,
            learning_rate=RATE,
            path=path,
            progress=False,
        ):
            steps = f.step
            if steps == 3:
                os.kill(os.getpid(), signal.SIGINT)
    assert steps == 3 and signal.getsignal(signal.SIGINT) is before
    p, whole = point(), point()
    assert len(run(p, path=path)) == 12
    run(whole)
    assert p.x.tolist() == whole.x.tolist()


def test_ctrl_c_without_a_checkpoint_says_that_nothing_was_saved():
    with pytest.raises(Interrupted, match="nothing was saved"):
        for _ in train(
            point(), batches, pull, sgd, epochs=1, learning_rate=0.1, progress=False
        ):
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_in_a_step_lets_it_finish(tmp_path):
    path, p = tmp_path / "run.npz", point()

    def loss_and_gradient(q, batch):
        if batch == batches(0)[3]:
            os.kill(os.getpid(), signal.SIGINT)
        return pull(q, batch)

    with pytest.raises(Interrupted, match="stopped after step 4"):
        list(
            train(
                p,
                batches,
                loss_and_gradient,
                adam,
                epochs=3,
                learning_rate=RATE,
                path=path,
                progress=False,
            )
        )
    stopped = Point(p.x.copy())
    run(p := point(), path=path)
    run(whole := point())
    assert p.x.tolist() == whole.x.tolist() != stopped.x.tolist()


def test_a_second_ctrl_c_stops_at_once():
    def loss_and_gradient(q, batch):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the step went on")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt) as raised:
            next(
                train(
                    point(),
                    batches,
                    loss_and_gradient,
                    sgd,
                    epochs=1,
                    learning_rate=RATE,
                    progress=False,
                )
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert raised.type is KeyboardInterrupt


def test_training_in_a_thread_that_gets_no_signals_is_the_same():
    p, q = point(), point()
    with ThreadPoolExecutor() as pool:
        assert len(pool.submit(run, p).result()) == 15
    run(q)
    assert p.x.tolist() == q.x.tolist()


@pytest.mark.slow
def test_a_killed_run_loses_at_most_the_steps_since_its_checkpoint(tmp_path):
    """SIGKILL at any moment leaves a whole checkpoint from which training goes on."""
    script = textwrap.dedent("""
        import sys
        from tests.support.toy_training import batches, point, pull
        from unrolled.training.optimizers import adam
        from unrolled.training.train import train
        for f in train(point(), batches, pull, adam, epochs=10**6, learning_rate=0.05,
                       path=sys.argv[1], save_every=1, progress=False):
            print(f.step, flush=True)
    """)
    path = tmp_path / "run.npz"
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = [process.stdout.readline() for _ in range(12)]
        process.kill()
        process.stdout.close()
        process.wait()
        assert lines[-1]
    p = point()
    first = next(
        train(
            p,
            batches,
            pull,
            adam,
            epochs=10**6,
            learning_rate=0.05,
            path=path,
            progress=False,
        )
    )
    assert first.step > 40


def test_the_progress_bar_shows_loss_perplexity_and_speed(capsys):
    run(point(), progress=True)
    shown = capsys.readouterr().err
    assert re.search(r"loss=\d+\.\d{3}", shown) and re.search(
        r"perplexity=\d+\.\d", shown
    )
    assert "word/s" in shown and "100%" in shown
    run(point(), progress=None)  # no terminal: no bar
    assert capsys.readouterr().err == ""


def test_a_language_model_beats_the_unigram_baseline_in_seconds():
    """A text whose next word depends on the word before: a recurrent net must see it."""
    rng = np.random.default_rng(0)
    encoded = []
    for _ in range(600):
        words = [int(rng.integers(3, 23))]
        while len(words) < 10:
            words.append(3 + (words[-1] * 7 + int(rng.integers(2))) % 20)
        encoded.append(np.array([1, *words, 2]))
    held_out = text.pad(encoded[500:])
    p = language_model.init(np.random.default_rng(0), 23, 24)
    *_, last = train(
        p,
        lambda epoch: text.batches(encoded[:500], 20, np.random.default_rng(epoch)),
        language_model.loss_and_gradient,
        adam,
        epochs=12,
        learning_rate=0.01,
        clip=1.0,
        validate=lambda q: language_model.loss(q, held_out)[0],
        progress=False,
    )
    counts = np.bincount(held_out.targets[held_out.mask], minlength=23) + 1e-9
    unigram = -(counts * np.log(counts / counts.sum())).sum() / counts.sum()
    assert unigram > 2.9 and 0.85 < last.validation_loss < 1.25
    assert tree.leaves(last.params)[0].dtype == np.float32
