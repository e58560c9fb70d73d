"""Ctrl-C between two steps of a training, when the caller of the training runs.

``train`` defers a Ctrl-C until the step under way is finished. Between two steps there is nothing
to wait for, and perhaps the caller takes no further step: it holds the generator, or has zipped it
with something shorter. So what waits is saved, and then the process does what it does on Ctrl-C.
If Ctrl-C was pressed in a step, this happens when the training is asked for the next step, or is
closed. Several trainings may wait at once: all of them are saved.
"""

import contextlib
import signal
import threading


class _Stoppable:
    """A training: what the process does on Ctrl-C, and what is done during its steps."""

    def __init__(self):
        self.of_process = of_process()
        self.of_steps = None


_trainings: dict = {}  # those under way, by their functions that save
_waiting: dict = {}  # of those between two steps: {save: returns the exception to raise}
_of_process = signal.default_int_handler  # what ``stop`` stands in for


def of_process():
    """Returns the process's own handler of Ctrl-C."""
    current = signal.getsignal(signal.SIGINT)
    return _of_process if current is stop else current


def stop(number, frame):
    """Saves the trainings that wait, and does what the process does on Ctrl-C."""
    signal.signal(signal.SIGINT, _of_process)  # a second Ctrl-C stops at once
    waiting = list(_waiting.values())
    _save_waiting()
    if _of_process is signal.default_int_handler and waiting:
        raise waiting[-1]()
    if callable(_of_process):
        _of_process(number, frame)
    elif _of_process is signal.SIG_DFL:
        signal.raise_signal(number)


@contextlib.contextmanager
def stoppable(save):
    """A block that is one training: after it, the process has its own handler again."""
    if not _in_main_thread():
        yield
        return
    training = _trainings[save] = _Stoppable()
    try:
        yield
    finally:
        del _trainings[save]
        if _in_main_thread():
            _hand_back(training.of_process)


@contextlib.contextmanager
def waiting(save, stopped, pressed=lambda: False):
    """A block in which a ``stoppable`` training waits for its caller.

    Args:
        save: the function that ``stoppable`` was given.
        stopped: a function that returns the exception to raise when Ctrl-C is pressed.
        pressed: a function that tells whether Ctrl-C was pressed in the step before. If it was,
            all trainings that wait are saved at the end of the block. If the training is closed
            in the block, the process does what it does on Ctrl-C, since there is no later step
            that could stop its caller.
    """
    if save not in _trainings or not _in_main_thread():
        yield
        return
    training = _trainings[save]
    training.of_steps = signal.getsignal(signal.SIGINT)
    try:
        _waiting[save] = stopped
        _hand_back(training.of_process)
        yield
        if pressed():
            _save_waiting()
    except GeneratorExit:
        if pressed():
            stop(signal.SIGINT, None)
        raise
    finally:
        try:
            if _in_main_thread():
                training.of_process = of_process()
                signal.signal(signal.SIGINT, training.of_steps)
        finally:
            del _waiting[save]


def _save_waiting():
    """Saves all trainings that wait. The first error is raised after all have been tried."""
    errors = []
    for save in list(_waiting):
        try:
            save()
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _hand_back(handler):
    """Gives Ctrl-C to a handler of the process, behind ``stop`` if a training waits."""
    global _of_process
    _of_process = handler
    if (
        handler is not None
    ):  # None: not one of Python's, so that it cannot be given back
        signal.signal(signal.SIGINT, stop if _waiting else handler)


def _in_main_thread():
    return threading.current_thread() is threading.main_thread()
