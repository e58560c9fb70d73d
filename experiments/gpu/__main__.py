"""`make gpu`: every kind of run, each part in a process of its own, one record for each kind."""

import argparse
import hashlib
import importlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from experiments import gpu
from experiments.gpu import adapter as adapters
from experiments.gpu import device as devices
from unrolled import records
from unrolled.speed import gpu_tables

DONE, FAILED, UNFIT, OUT_OF_TIME, INTERRUPTED = 0, 1, 2, 3, 130
KEPT = records.ROOT / "_build" / "runs" / "gpu"


def kinds():
    """Returns the kinds of runs, the modules of this folder with PARTS, as pages show them."""
    paths = Path(__file__).parent.glob("*.py")
    found = [
        p.stem for p in paths if re.search("^PARTS = ", p.read_text("utf-8"), re.M)
    ]
    shown = [*gpu_tables.TABLES]
    last = len(shown)  # a kind that no page shows yet
    return tuple(
        sorted(found, key=lambda k: (shown.index(k) if k in shown else last, k))
    )


RUNS = kinds()


class Deadline(Exception):
    """The time is used up; the message says what was not begun or not finished."""


def main(arguments=None, find=devices.find, find_adapter=adapters.find):
    """Returns the exit status: one of those above, the first thing that went wrong."""
    given = _arguments(arguments)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    finders = {"nvidia": find, "webgpu": find_adapter}
    looked_up: dict[str, tuple] = {}
    until = time.monotonic() + 60 * given.minutes
    status, ran = DONE, False
    try:
        for name in given.kinds or RUNS:
            kind = importlib.import_module(f"experiments.gpu.{name}")
            needs = getattr(kind, "ADAPTER", "nvidia")
            if needs not in looked_up:
                looked_up[needs] = _look_up(finders[needs], bool(given.rehearse))
            device, ended = looked_up[needs]
            if ended == DONE:
                ran = True
                try:
                    ended = run(kind, name, device, until, given)
                except devices.Unfit as unfit:
                    ended = _say(f"{name}: {unfit}: not run", UNFIT)
                except Deadline as late:
                    return _say(
                        f"{name}: {late}; the same command goes on from there",
                        OUT_OF_TIME,
                    )
            elif not given.kinds:
                ended = DONE  # another kind may find what it needs
            status = status or ended
    except KeyboardInterrupt:
        return _say(
            "experiments.gpu: stopped; what was finished is kept, and the same command goes on"
            " from there",
            INTERRUPTED,
        )
    return status if ran else UNFIT


def _look_up(find, rehearsal):
    """Returns (device, status); prints what it is, or says why there is none."""
    try:
        device = None if rehearsal else find()
    except devices.Unfit as unfit:
        return None, _say(f"experiments.gpu: {unfit}", UNFIT)
    print(f"on {device.described() if device else 'this processor: a rehearsal'}")
    return device, DONE


def _arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="python3 -m experiments.gpu",
        description=gpu.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(RUNS))
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="time for all of it"
    )
    parser.add_argument(
        "--rehearse", type=Path, metavar="FOLDER", help="on the processor"
    )
    parser.add_argument(
        "--corpus", type=Path, help="sentences, from experiments.gpu.corpus"
    )
    parser.add_argument("--commit", help="of the code, where there is no git to ask")
    parser.add_argument(
        "--again", action="store_true", help="also what is recorded already"
    )
    given = parser.parse_args(arguments)
    if unknown := [kind for kind in given.kinds if kind not in RUNS]:
        parser.error(f"no kind {unknown[0]}: there are {', '.join(RUNS)}")
    if not given.minutes > 0:
        parser.error(f"--minutes must be above 0, got {given.minutes}")
    if given.corpus is not None and not given.corpus.is_file():
        parser.error(
            f"no file {given.corpus}: python -m experiments.gpu.corpus FILE makes one"
        )
    return given


def run(kind, name, device, until, given):
    """Runs the parts of a kind that are missing, and writes its record; returns a status.

    Raises:
        devices.Unfit: too little memory.
        Deadline: no time for a part; what was done is kept.
    """
    if not given.rehearse and not given.again and _is_fresh(f"gpu/{name}"):
        print(f"{name}: results/gpu/{name}.json is up to date")
        return DONE
    if isinstance(device, devices.Device):
        devices.check_memory(device, kind.NEEDS)
    settings = kind.settings(bool(given.rehearse))
    if given.corpus:
        settings["corpus"] = str(given.corpus.resolve())
    this = records.begin(f"gpu/{name}")
    folder = (given.rehearse / "parts" if given.rehearse else KEPT) / name
    found = {"parts": {}, "missing": {}, "failed": {}}
    for part, needs in kind.PARTS.items():
        spared = getattr(kind, "REHEARSED_WITHOUT", set()) if given.rehearse else set()
        if absent := [n for n in needs if n not in spared and not _is_installed(n)]:
            found["missing"][part] = f"{', '.join(absent)} is not installed"
            print(f"{name}, {part}: {found['missing'][part]}: left out")
            continue
        kept = folder / f"{_key(part, settings, this, device)}.json"
        if kept.is_file() and not given.again:
            print(f"{name}, {part}: kept from before")
            found["parts"][part] = json.loads(kept.read_text("utf-8"))
            continue
        print(f"{name}, {part} ...")
        error = run_part(
            name, part, settings, kept, until, kind.SECONDS, bool(given.rehearse)
        )
        if error is None:
            found["parts"][part] = json.loads(kept.read_text("utf-8"))
        else:
            found["failed"][part] = error
            print(f"{name}, {part}: {error}", file=sys.stderr)
    if not found["parts"]:
        return _say(f"{name}: no part of it could be run: no record", FAILED)
    print("\n".join(["", *kind.report(found), ""]))
    _record(kind, this, found, settings, device, given)
    return FAILED if found["failed"] else DONE


def _record(kind, this, found, settings, device, given):
    path = records.write(
        this,
        found,
        settings={k: v for k, v in settings.items() if k != "corpus"},
        seed=kind.SEED,
        device=device.described() if device else "a rehearsal",
        packages=("numpy", *(p for p in kind.PACKAGES if records.is_installed(p))),
        commit=given.commit,
        folder=given.rehearse,
    )
    print(f"wrote {path}")


def run_part(name, part, settings, to, until, about, rehearsal):
    """Runs a part; returns None, or one line that says why it failed.

    Raises:
        Deadline: less time is left than it usually takes, or it took more.
    """
    left = until - time.monotonic()
    if left < about:
        raise Deadline(
            f"{left:.0f} s are left and {part} takes about {about:.0f}: not begun"
        )
    command = [
        sys.executable,
        "-m",
        "experiments.gpu.part",
        name,
        part,
        "--to",
        str(to),
    ]
    command += ["--rehearsal"] if rehearsal else []
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TRITON_INTERPRET": "1" if rehearsal else "0",
    }
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=records.ROOT,
        start_new_session=True,
    ) as process:
        try:
            _, said = process.communicate(json.dumps(settings), timeout=left)
        except subprocess.TimeoutExpired:
            raise Deadline(f"the time is over before {part} was done") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return failure(process.returncode, said)


def failure(status, said):
    """Returns one line that says why a process failed; None if it did not."""
    if status == 0:
        return None
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    memory = ("out of memory", "OutOfMemory", "RESOURCE_EXHAUSTED", "MemoryError")
    for line in lines:
        if any(words in line for words in memory):
            return f"too little device memory: {line[:200]}"
    last = (
        lines[-1][:300] if lines else f"it ended with status {status} and said nothing"
    )
    return last.removeprefix("experiments.gpu.proof.")


def _key(part, settings, this, device):
    """Returns a name for a part's result that is another when anything of it is."""
    code = records.digest(this)
    facts = json.dumps([part, settings, code, device and [device.name, device.driver]])
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _is_fresh(name):
    try:
        return not records.is_stale(records.load(name))
    except (FileNotFoundError, ValueError):
        return False


def _is_installed(library):
    return importlib.util.find_spec(library) is not None


def _say(line, status):
    print(line, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
