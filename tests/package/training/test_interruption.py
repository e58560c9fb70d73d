"""Ctrl-C while a training waits for its caller: nothing is lost, and the process keeps its own."""

import contextlib
import gc
import os
import signal

import pytest

from tests.support.toy_training import batches, point, pull
from unrolled.training import checkpoint, interruption
from unrolled.training.optimizers import adam, rmsprop, sgd
from unrolled.training.train import Interrupted, train

EPOCHS, RATE = 3, 0.05


class Pressed(Exception):
    """Raised by a handler of Ctrl-C of the test's own."""


def pressed(*_):
    raise Pressed


def press():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def handler():
    """Sets a handler of Ctrl-C, and afterwards the old one. No training is left waiting."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda new: signal.signal(signal.SIGINT, new)
    gc.collect()  # the traceback of an error holds the trainings of its test
    signal.signal(signal.SIGINT, before)


def steps_of(path=None, p=None, epochs=EPOCHS, loss_and_gradient=pull):
    return train(
        point() if p is None else p,
        batches,
        loss_and_gradient,
        adam,
        epochs=epochs,
        learning_rate=RATE,
        path=path,
        progress=False,
    )


def test_ctrl_c_stops_at_once_while_a_training_is_held_and_saves_it(tmp_path, handler):
    handler(signal.default_int_handler)
    path = tmp_path / "run.npz"
    held = steps_of(path)
    next(held)
    next(held)
    with pytest.raises(
        Interrupted, match=r"^stopped after step 2; saved in .*run\.npz"
    ):
        press()
        pytest.fail("the Ctrl-C of the process was kept")
    assert checkpoint.load_facts(path)["at"]["step"] == 2
    with pytest.raises(KeyboardInterrupt):
        press()
    held.close()
    p, whole = point(), point()
    assert len(list(steps_of(path, p))) == 13
    list(steps_of(p=whole))
    assert p.x.tolist() == whole.x.tolist()


def test_a_handler_of_the_process_is_called_while_a_training_waits(handler, tmp_path):
    handler(pressed)
    held = steps_of(tmp_path / "run.npz")
    next(held)
    with pytest.raises(Pressed):
        press()
    assert checkpoint.load_facts(tmp_path / "run.npz")["at"]["step"] == 1
    assert len(list(held)) == 14 and signal.getsignal(signal.SIGINT) is pressed


def test_a_handler_that_is_set_while_a_training_waits_stays(handler):
    handler(signal.default_int_handler)
    held = steps_of()
    next(held)
    handler(pressed)
    next(held)
    with pytest.raises(Pressed):
        press()
    list(held)
    assert signal.getsignal(signal.SIGINT) is pressed


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_zipped_trainings_hand_ctrl_c_back_in_any_order(tmp_path, handler, order):
    handler(pressed)
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    both = [steps_of(path) for path in paths]
    for _ in zip(both[0], both[1], range(3), strict=False):
        pass
    with pytest.raises(Pressed):
        press()
    found = [checkpoint.load_facts(path)["at"]["step"] for path in paths]
    assert found == [4, 4]
    next(both[order[0]])
    both[order[0]].close()
    with pytest.raises(Pressed):
        press()
    next(both[order[1]])
    both[order[1]].close()
    assert signal.getsignal(signal.SIGINT) is pressed


def test_ctrl_c_between_the_steps_of_two_trainings_saves_both(tmp_path, handler):
    handler(signal.default_int_handler)
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    seen = []
    with pytest.raises(Interrupted, match=r"saved in .*b\.npz"):
        for one, two in zip(*map(steps_of, paths), strict=True):
            seen.append((one.step, two.step))
            if one.step == 4:
                press()
    assert seen[-1] == (4, 4)
    assert [checkpoint.load_facts(path)["at"]["step"] for path in paths] == [4, 4]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def pressing_in_step(number):
    """Returns ``pull``, with Ctrl-C pressed in the step of this number, counted from 1."""
    steps = iter(range(1, 100))

    def loss_and_gradient(p, batch):
        if next(steps) == number:
            press()
        return pull(p, batch)

    return loss_and_gradient


def test_ctrl_c_in_a_step_saves_the_trainings_that_wait_too(tmp_path, handler):
    handler(signal.default_int_handler)
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    both = [
        steps_of(paths[0], loss_and_gradient=pressing_in_step(3)),
        steps_of(paths[1]),
    ]
    with pytest.raises(Interrupted, match=r"^stopped after step 3; saved in .*a\.npz"):
        list(zip(*both, strict=True))
    assert [checkpoint.load_facts(path)["at"]["step"] for path in paths] == [3, 3]


@pytest.mark.parametrize("step", [None, 3])
def test_a_save_that_fails_does_not_keep_the_others_from_being_saved(
    tmp_path, handler, monkeypatch, step
):
    """Ctrl-C is pressed between two steps, or in the third of the second training."""
    handler(signal.default_int_handler)
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    save = checkpoint.save

    def fail_first(path, *content):
        if path == paths[0]:
            raise OSError("no space left")
        save(path, *content)

    monkeypatch.setattr(checkpoint, "save", fail_first)
    both = [
        steps_of(paths[0]),
        steps_of(paths[1], loss_and_gradient=pressing_in_step(step)),
    ]
    with pytest.raises(OSError, match="no space left"):
        for _, two in zip(*both, strict=True):
            if step is None and two.step == 3:
                press()
    assert checkpoint.load_facts(paths[1])["at"]["step"] == 3


def test_a_training_closed_after_ctrl_c_in_its_last_step_stops_its_caller(
    tmp_path, handler
):
    handler(signal.default_int_handler)
    path = tmp_path / "run.npz"
    with (
        pytest.raises(Interrupted, match=r"^stopped after step 2; saved in .*run\.npz"),
        contextlib.closing(
            steps_of(path, loss_and_gradient=pressing_in_step(2))
        ) as found,
    ):
        assert [next(found).step, next(found).step] == [1, 2]
    assert checkpoint.load_facts(path)["at"]["step"] == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_training_closed_after_ctrl_c_in_its_last_step_calls_the_own_handler(
    handler,
):
    handler(pressed)
    found = steps_of(loss_and_gradient=pressing_in_step(1))
    next(found)
    with pytest.raises(Pressed):
        found.close()
    assert signal.getsignal(signal.SIGINT) is pressed


def test_a_training_whose_wait_ends_in_ctrl_c_is_saved_no_more(handler, monkeypatch):
    """Ctrl-C is pressed just as the training is asked for its next step."""
    handler(pressed)
    saved = []

    def save():
        saved.append(1)

    with interruption.stoppable(save):
        with pytest.raises(Pressed), interruption.waiting(save, Interrupted):
            monkeypatch.setattr(interruption, "of_process", pressed)
        monkeypatch.undo()
        with pytest.raises(Pressed):
            interruption.stop(signal.SIGINT, None)
    assert saved == []


def test_a_training_that_is_given_up_hands_ctrl_c_back(handler):
    handler(pressed)
    held = steps_of()
    next(held)
    del held
    assert signal.getsignal(signal.SIGINT) is pressed


def test_a_training_inside_a_step_of_another_hands_ctrl_c_back_to_it(handler):
    handler(pressed)

    def loss_and_gradient(p, batch):
        before = signal.getsignal(signal.SIGINT)
        list(steps_of(epochs=1))
        assert signal.getsignal(signal.SIGINT) is before is not pressed
        return pull(p, batch)

    found = train(
        point(),
        batches,
        loss_and_gradient,
        sgd,
        epochs=1,
        learning_rate=RATE,
        progress=False,
    )
    assert len(list(found)) == 5 and signal.getsignal(signal.SIGINT) is pressed


@pytest.mark.parametrize("stop", range(1, 39))
def test_of_38_interruptions_each_is_resumed_to_the_same_bits(tmp_path, handler, stop):
    """The first 19 come between two steps, the others during a step."""
    handler(signal.default_int_handler)
    path, p, epochs = tmp_path / "run.npz", point(), 4
    taken = []

    def loss_and_gradient(q, batch):
        taken.append(batch)
        if len(taken) == stop - 19:
            press()
        return pull(q, batch)

    def trained(q, **given):
        return train(
            q,
            batches,
            loss_and_gradient,
            rmsprop,
            epochs=epochs,
            learning_rate=RATE,
            halve=True,
            validate=lambda r: float((r.x**2).sum()),
            progress=False,
            **given,
        )

    with pytest.raises(
        Interrupted, match=f"^stopped after step {(stop - 1) % 19 + 1};"
    ):
        for progress in trained(p, path=path):
            if progress.step == stop:
                press()
    taken = [None] * 100
    again, whole = point(), point()
    rest = [f[:8] for f in trained(again, path=path)]
    expected = [f[:8] for f in trained(whole)]
    assert rest == expected[(stop - 1) % 19 + 1 :]
    assert again.x.tobytes() == whole.x.tobytes()
