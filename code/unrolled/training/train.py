"""The loop around everything: batches in, better parameters out, nothing lost on the way.

The model is passed in as a function ``loss_and_gradient(params, batch)``, so that every model of
the book, and the reader's own, is trained by the same loop. ``train`` is a generator: it does one
step, says how it went, and goes on when asked.
"""

import contextlib
import math
import signal
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from unrolled import tree
from unrolled.training import checkpoint
from unrolled.training.optimizers import clip_by_global_norm


class Progress(NamedTuple):
    """How training stands after a step."""

    step: int  # steps so far, over all epochs
    epoch: int  # counted from 0
    loss: float  # of this step's batch, before the step, in nats per word
    gradient_norm: float  # before clipping
    learning_rate: float  # of this step
    words: int  # read so far, over all epochs
    train_loss: float | None  # at the end of an epoch: its mean over words; else None
    validation_loss: (
        float | None
    )  # at the end of an epoch, if there is a validate; else None
    params: Any  # the parameters now; the next step overwrites them
    best: (
        Any  # a copy of those with the lowest validation loss; params if there is none
    )


class Interrupted(KeyboardInterrupt):
    """Training was stopped by Ctrl-C, between two steps."""


class Diverged(ArithmeticError):
    """The loss or the gradient is no longer finite."""


class _State(NamedTuple):
    """Everything that a resumed run needs to go on as if never stopped."""

    params: Any
    best: Any
    optimizer: Any


def train(
    params,
    batches,
    loss_and_gradient,
    optimizer,
    *,
    epochs,
    learning_rate,
    clip=None,
    validate=None,
    halve=False,
    patience=None,
    path=None,
    save_every=1000,
    settings=None,
    count=lambda batch: int(batch.mask.sum()),
    progress=None,
):
    """Trains, yielding a Progress after every step.

    Args:
        params: a tree of arrays; overwritten.
        batches: a function of the epoch (0, 1, …) that returns a list of batches, the same list for
            the same epoch, so that a resumed run sees what the first one would have seen.
        loss_and_gradient: a function of (params, batch).
        optimizer: ``sgd``, ``rmsprop``, ``adam``, or a function like them.
        epochs: how many times to go through the batches.
        learning_rate: of the first epoch.
        clip: largest norm of the gradient; None for no clipping.
        validate: a function of params that returns a loss; called after each epoch.
        halve: whether to halve the learning rate after an epoch whose loss (validation if there is
            one, else training) was above that of the epoch before: the post's rule.
        patience: stop after this many epochs in a row without a new lowest validation loss.
        path: checkpoint file. Written after every epoch, every ``save_every`` steps and on Ctrl-C;
            if it exists already, training goes on from there, to the same numbers.
        save_every: steps between checkpoints.
        settings: facts that must not change between a run and its continuation.
        count: a function of a batch: the number of words in it.
        progress: True or False for a progress bar; None shows one on a terminal.

    Yields:
        Progress.

    Raises:
        Interrupted: Ctrl-C; the message says what was saved where. The step under way is finished
            first; a second Ctrl-C stops at once.
        Diverged: a loss or gradient that is not finite; the message names the step and the norm.
            The parameters are those before that step.
        ValueError: an epoch without a batch; a checkpoint that is damaged, or of another model or
            other settings.
    """
    settings = settings or {}
    state = _State(params, params if validate is None else _copy(params), None)
    at = _start(learning_rate)
    if path is not None and Path(path).is_file():
        state, at = _resume(path, state, optimizer, settings)

    def save():
        if path is not None:
            checkpoint.save(path, state, {"at": at, "settings": settings})

    total = epochs * sum(count(batch) for batch in batches(0))
    with (
        _deferred_interrupt() as interrupted,
        tqdm(
            total=total,
            initial=at["words"],
            unit="word",
            unit_scale=True,
            disable=None if progress is None else not progress,
        ) as bar,
    ):
        while at["epoch"] < epochs and not _out_of_patience(at, patience):
            epoch_batches = batches(at["epoch"])
            if len(epoch_batches) <= at["step_in_epoch"]:
                raise ValueError(
                    f"epoch {at['epoch']} has no batch to train on: batches({at['epoch']})"
                    f" must return at least {at['step_in_epoch'] + 1}, got {len(epoch_batches)}"
                )
            for batch in epoch_batches[at["step_in_epoch"] :]:
                loss, gradients = loss_and_gradient(state.params, batch)
                norm = _norm(loss, gradients, clip, at["step"])
                new, optimizer_state = optimizer(
                    state.params,
                    gradients,
                    state.optimizer,
                    learning_rate=at["learning_rate"],
                )
                state = _State(
                    new, new if validate is None else state.best, optimizer_state
                )
                words = count(batch)
                rate = at["learning_rate"]
                at = at | {
                    "step": at["step"] + 1,
                    "step_in_epoch": at["step_in_epoch"] + 1,
                    "words": at["words"] + words,
                    "epoch_words": at["epoch_words"] + words,
                    "epoch_loss": at["epoch_loss"] + loss * words,
                }
                bar.update(words)
                bar.set_postfix(
                    loss=f"{loss:.3f}", perplexity=f"{_exp(loss):.1f}", refresh=False
                )
                epoch, train_loss, validation_loss = at["epoch"], None, None
                if at["step_in_epoch"] == len(epoch_batches):
                    train_loss = at["epoch_loss"] / at["epoch_words"]
                    validation_loss = (
                        None if validate is None else float(validate(state.params))
                    )
                    at, is_best = _end_of_epoch(at, train_loss, validation_loss, halve)
                    if is_best:
                        state = state._replace(best=_copy(state.params))
                    save()
                elif at["step"] % save_every == 0:
                    save()
                yield Progress(
                    at["step"],
                    epoch,
                    loss,
                    norm,
                    rate,
                    at["words"],
                    train_loss,
                    validation_loss,
                    state.params,
                    state.best,
                )
                if interrupted.is_set():
                    save()
                    where = (
                        f"saved in {path}: run again to go on"
                        if path
                        else "nothing was saved"
                    )
                    raise Interrupted(f"stopped after step {at['step']}; {where}")


def load_best(path, like):
    """Returns the parameters with the lowest validation loss that a checkpoint holds.

    Args:
        path: a checkpoint that ``train`` wrote.
        like: parameters of the same structure and shapes.

    Raises:
        FileNotFoundError: no such checkpoint.
        ValueError: a damaged one, or one of another model.
    """
    return checkpoint.load(path, _Best(like)).best


class _Best(NamedTuple):
    best: Any


def _start(learning_rate):
    return {
        "step": 0,
        "epoch": 0,
        "step_in_epoch": 0,
        "words": 0,
        "learning_rate": learning_rate,
        "epoch_loss": 0.0,
        "epoch_words": 0,
        "last_loss": math.inf,
        "best_loss": math.inf,
        "epochs_without_gain": 0,
    }


def _end_of_epoch(at, train_loss, validation_loss, halve):
    """Returns the counters for the next epoch, and whether the parameters are the best so far."""
    watched = train_loss if validation_loss is None else validation_loss
    is_best = validation_loss is not None and validation_loss < at["best_loss"]
    return at | {
        "epoch": at["epoch"] + 1,
        "step_in_epoch": 0,
        "epoch_loss": 0.0,
        "epoch_words": 0,
        "learning_rate": at["learning_rate"]
        / (2 if halve and watched > at["last_loss"] else 1),
        "last_loss": watched,
        "best_loss": min(watched, at["best_loss"]),
        "epochs_without_gain": 0
        if watched < at["best_loss"]
        else at["epochs_without_gain"] + 1,
    }, is_best


def _out_of_patience(at, patience):
    return patience is not None and at["epochs_without_gain"] >= patience


def _norm(loss, gradients, clip, step):
    """Clips; returns the norm before. Raises Diverged if there is nothing finite to go by."""
    try:
        _, norm = clip_by_global_norm(gradients, math.inf if clip is None else clip)
    except ValueError as error:
        raise Diverged(f"step {step}: {error}") from None
    if not math.isfinite(loss):
        raise Diverged(
            f"step {step}: the loss is {loss}, the gradient's norm {norm:.3g};"
            " lower the learning rate or clip the gradient"
        )
    return norm


def _resume(path, state, optimizer, settings):
    facts = checkpoint.load_facts(path)
    if facts.get("settings") != settings:
        raise ValueError(
            f"{path} was made with other settings: {facts.get('settings')}, now {settings};"
            " delete it or choose another file"
        )
    nothing = tree.map(np.zeros_like, state.params)
    _, optimizer_state = optimizer(
        _copy(state.params), nothing, None, learning_rate=0.0
    )
    stored = checkpoint.load(path, state._replace(optimizer=optimizer_state))
    tree.map(
        lambda weight, saved: np.copyto(weight, saved), state.params, stored.params
    )
    best = state.params if state.best is state.params else stored.best
    return _State(state.params, best, stored.optimizer), facts["at"]


@contextlib.contextmanager
def _deferred_interrupt():
    """Turns the first Ctrl-C into an event that is looked at between steps."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)

    def handle(*_):
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, handle)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


def _copy(params):
    return tree.map(np.copy, params)


def _exp(loss):
    return math.exp(min(loss, 700.0))
