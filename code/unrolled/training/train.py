"""The training loop: one step after another, with checkpoints and early stopping.

The model is passed in as a function ``loss_and_gradient(params, batch)``, so that every model of
the book, and the reader's own, is trained by the same loop. ``one_step`` is the idea of training.
``train`` repeats it. It is a generator: it takes a step, reports it, and goes on when asked.

The loss of a corpus is a mean over its words, and batches of sentences hold unequal numbers of
words. ``loss_and_gradient`` returns a mean over the words of one batch, so that ``train`` weights
each gradient by the batch's share of the words; without the weights, a word in a batch of short
sentences would count more than a word in a batch of long ones.
"""

import contextlib
import math
import signal
import threading
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from unrolled import tree
from unrolled.training import checkpoint, interruption
from unrolled.training.optimizers import clip_by_global_norm


class Diverged(ArithmeticError):
    """The loss or the gradient is no longer finite."""


def one_step(
    params,
    batch,
    loss_and_gradient,
    optimizer,
    optimizer_state=None,
    *,
    learning_rate,
    clip=None,
    weight=1.0,
):
    """Takes one training step: the gradient of a batch, clipping, and an update.

    Args:
        params: a tree of arrays; overwritten.
        batch: what ``loss_and_gradient`` takes.
        loss_and_gradient: a function of (params, batch).
        optimizer: ``sgd``, ``rmsprop``, ``adam``, or a function like them.
        optimizer_state: of the step before; None before the first.
        learning_rate: η.
        clip: largest norm of the weighted gradient; None for no clipping.
        weight: of this batch, compared with a batch of average size.

    Returns:
        (params, optimizer_state, loss, norm): the loss of the batch before the step, and the norm
            of the weighted gradient before clipping.

    Raises:
        Diverged: a loss or gradient that is not finite. The parameters are left as they were.
    """
    loss, gradients = loss_and_gradient(params, batch)
    gradients = tree.map(lambda gradient: gradient * weight, gradients)
    gradients, norm = clip_if_finite(loss, gradients, clip)
    params, optimizer_state = optimizer(
        params, gradients, optimizer_state, learning_rate=learning_rate
    )
    return params, optimizer_state, loss, norm


def clip_if_finite(loss, gradients, limit=None):
    """Returns what ``clip_by_global_norm`` returns, if loss and gradient are finite.

    Raises:
        Diverged: the loss, or the norm of the gradient, is not finite.
    """
    try:
        gradients, norm = clip_by_global_norm(
            gradients, math.inf if limit is None else limit
        )
    except ValueError as error:
        raise Diverged(str(error)) from None
    if not math.isfinite(loss):
        raise Diverged(
            f"the loss is {loss}, the gradient's norm {norm:.3g};"
            " lower the learning rate or clip the gradient"
        )
    return gradients, norm


class Progress(NamedTuple):
    """How training stands after a step."""

    step: int  # steps so far, over all epochs
    epoch: int  # counted from 0
    loss: float  # of this step's batch, before the step, in nats per word
    gradient_norm: float  # of the weighted gradient, before clipping
    learning_rate: float  # of this step
    words: int  # read so far, over all epochs
    train_loss: float | None  # at the end of an epoch: its mean over words
    validation_loss: float | None  # at the end of an epoch, if there is a ``validate``
    params: Any  # the parameters now; the next step overwrites them
    best: Any  # a copy of those with the lowest validation loss, or ``params``


class Interrupted(KeyboardInterrupt):
    """Training was stopped by Ctrl-C, between two steps."""


class Counters(NamedTuple):
    """How far a run has come. A checkpoint keeps these numbers under these names."""

    learning_rate: float  # of the next step
    step: int = 0  # steps so far, over all epochs
    epoch: int = 0
    step_in_epoch: int = 0
    words: int = 0  # read so far, over all epochs
    epoch_loss: float = 0.0  # of this epoch so far, summed over its words
    epoch_words: int = 0
    last_loss: float = math.inf  # of the epoch before
    best_loss: float = math.inf  # of all epochs before
    epochs_without_gain: int = 0  # in a row

    def after_step(self, loss, words):
        """Returns the counters after a step on a batch of so many words."""
        return self._replace(
            step=self.step + 1,
            step_in_epoch=self.step_in_epoch + 1,
            words=self.words + words,
            epoch_words=self.epoch_words + words,
            epoch_loss=self.epoch_loss + loss * words,
        )

    def after_epoch(self, loss, halve):
        """Returns the counters for the next epoch; ``halve`` as in ``train``."""
        rose, gained = loss > self.last_loss, loss < self.best_loss
        return self._replace(
            epoch=self.epoch + 1,
            step_in_epoch=0,
            epoch_loss=0.0,
            epoch_words=0,
            learning_rate=self.learning_rate / (2 if halve and rose else 1),
            last_loss=loss,
            best_loss=min(loss, self.best_loss),
            epochs_without_gain=0 if gained else self.epochs_without_gain + 1,
        )

    def out_of_patience(self, patience):
        """Returns whether the last ``patience`` epochs brought no new lowest loss."""
        return patience is not None and self.epochs_without_gain >= patience


def train(
    params,
    batches,
    loss_and_gradient,
    optimizer,
    *,
    epochs,
    learning_rate,
    clip=None,
    per_word=True,
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
            the same epoch, so that a resumed run reads the batches that the first would have read.
        loss_and_gradient: a function of (params, batch).
        optimizer: ``sgd``, ``rmsprop``, ``adam``, or a function like them.
        epochs: how many times to go through the batches.
        learning_rate: of the first epoch.
        clip: largest norm of the weighted gradient; None for no clipping.
        per_word: whether to minimise the mean loss of a word, which weights a batch by the number
            of its words; otherwise every batch of an epoch has the same weight.
        validate: a function of params that returns a loss; called after each epoch.
        halve: whether to halve the learning rate after an epoch whose loss (validation if there is
            one, else training) was above that of the epoch before: the post's rule.
        patience: stop after this many epochs in a row without a new lowest loss (validation if
            there is one, else training).
        path: checkpoint file. Written after every epoch, every ``save_every`` steps and on Ctrl-C;
            if it exists already, training goes on from there, to the same numbers. Only one
            training at a time has the file.
        save_every: steps between checkpoints, at least 1.
        settings: facts that must not change between a run and its continuation: a dictionary of
            what JSON can hold.
        count: a function of a batch: the number of words in it, above 0.
        progress: True or False for a progress bar; None shows one on a terminal.

    Yields:
        Progress.

    Raises:
        Interrupted: Ctrl-C; the message says what was saved where. The step under way is finished
            first; a second Ctrl-C stops at once. Between two steps, while the caller runs, it is
            raised there, unless the process has a handler of its own, which is then called. The
            same happens if the training is closed after a Ctrl-C in its last step.
        Diverged: a loss or gradient that is not finite; the message names the step and the norm.
            The parameters are those before that step. Also a validation loss that is not finite.
        ValueError: an epoch without a batch; a batch without a word; a checkpoint that is damaged,
            that another training is writing, or that is of another model, optimizer, learning
            rate or type of numbers, or of other settings.
        TypeError: settings that cannot be saved.
    """
    check_save_every(save_every)
    settings = settings or {}
    with checkpoint.claimed(path, optimizer, learning_rate, settings, Counters):
        best = params if validate is None else tree.map(np.copy, params)
        state, at = checkpoint.State(params, best, None), Counters(learning_rate)
        if path is not None and Path(path).is_file():
            state, facts = checkpoint.resume(path, state, optimizer, settings)
            at = Counters(**facts["at"])

        def save():
            if path is not None:
                checkpoint.save(path, state, {"at": at._asdict(), "settings": settings})

        total = epochs * sum(count(batch) for batch in batches(0))
        with (
            interruption.stoppable(save),
            deferred_interrupt() as interrupted,
            progress_bar(total, at.words, progress) as bar,
        ):
            while at.epoch < epochs and not at.out_of_patience(patience):
                epoch_batches = batches_of_epoch(batches, at)
                mean_words = sum(map(count, epoch_batches)) / len(epoch_batches)
                for batch in epoch_batches[at.step_in_epoch :]:
                    words = count(batch)
                    check_count(words, at)
                    try:
                        params, optimizer_state, loss, norm = one_step(
                            state.params,
                            batch,
                            loss_and_gradient,
                            optimizer,
                            state.optimizer,
                            learning_rate=at.learning_rate,
                            clip=clip,
                            weight=float(words / mean_words) if per_word else 1.0,
                        )
                    except Diverged as error:
                        raise Diverged(f"step {at.step}: {error}") from None
                    best = params if validate is None else state.best
                    state = checkpoint.State(params, best, optimizer_state)
                    before, at = at, at.after_step(loss, words)
                    advance(bar, words, loss)
                    train_loss, validation_loss = None, None
                    if at.step_in_epoch == len(epoch_batches):
                        train_loss = at.epoch_loss / at.epoch_words
                        if validate is not None:
                            validation_loss = float(validate(params))
                            check_validation(validation_loss, at)
                            if validation_loss < at.best_loss:
                                state = state._replace(best=tree.map(np.copy, params))
                        watched = train_loss if validate is None else validation_loss
                        at = at.after_epoch(watched, halve)
                        save()
                    elif at.step % save_every == 0:
                        save()
                    with interruption.waiting(
                        save, partial(stopped, at, path), interrupted.is_set
                    ):
                        yield Progress(
                            before.step + 1,
                            before.epoch,
                            loss,
                            norm,
                            before.learning_rate,
                            at.words,
                            train_loss,
                            validation_loss,
                            state.params,
                            state.best,
                        )
                    if interrupted.is_set():
                        save()
                        saved = f"saved in {path}: run again to go on"
                        saved = saved if path else "nothing was saved"
                        raise Interrupted(f"stopped after step {at.step}; {saved}")


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


def stopped(at, path):
    """Returns the Interrupted to raise if Ctrl-C is pressed between two steps."""
    saved = f"saved in {path}: run again to go on" if path else "nothing was saved"
    return Interrupted(f"stopped after step {at.step}; {saved}")


def check_save_every(save_every):
    """Raises a ValueError if ``save_every`` is not a number of steps."""
    if not isinstance(save_every, Integral) or save_every < 1:
        raise ValueError(f"save_every must be an integer above 0, got {save_every!r}")


def check_count(words, at):
    """Raises a ValueError if a batch is said to hold no word."""
    if not words > 0:
        raise ValueError(
            f"count must be above 0, got {words} for batch {at.step_in_epoch}"
            f" of epoch {at.epoch}"
        )


def check_validation(loss, at):
    """Raises Diverged if the loss that ``validate`` returned is not finite."""
    if not math.isfinite(loss):
        raise Diverged(
            f"epoch {at.epoch}: the validation loss is {loss}, so it cannot be compared;"
            " the last checkpoint, if there is one, is from before"
        )


def batches_of_epoch(batches, at):
    """Returns the list of batches of an epoch.

    Raises:
        ValueError: it has no batch after those that the epoch has had already.
    """
    found = batches(at.epoch)
    if len(found) <= at.step_in_epoch:
        raise ValueError(
            f"epoch {at.epoch} has no batch to train on: batches({at.epoch})"
            f" must return at least {at.step_in_epoch + 1}, got {len(found)}"
        )
    return found


def progress_bar(total, words, progress):
    """Returns a progress bar over ``total`` words; progress None shows it on a terminal only."""
    return tqdm(
        total=total,
        initial=words,
        unit="word",
        unit_scale=True,
        disable=None if progress is None else not progress,
    )


def advance(bar, words, loss):
    """Moves a progress bar on by so many words, and shows the loss and its perplexity."""
    bar.update(words)
    perplexity = math.exp(min(loss, 700.0))
    bar.set_postfix(loss=f"{loss:.3f}", perplexity=f"{perplexity:.1f}", refresh=False)


@contextlib.contextmanager
def deferred_interrupt():
    """Turns the first Ctrl-C into an event that ``train`` checks between steps."""
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
