"""Numbers measured once, with all that is needed to repeat them.

A record is a small JSON file in ``results/``: what ran, on which device, with which versions, seed
and settings, on what date and commit, and a hash of each function it ran. When one of these
changes, the record is stale, and every page that quotes it says so, unless a small run of the new
code gives the losses that the old code gave (``make attest``). A checksum shows whether the file
still says what was written.
"""

import functools
import hashlib
import json
import math
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NamedTuple

from unrolled import dependencies
from unrolled.files import write_whole
from unrolled.installed import version

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "results"


def load(name):
    """Returns a record as a dictionary.

    Args:
        name: path below ``results/`` without the ending, such as ``language_model``.

    Raises:
        FileNotFoundError: no such record; the message says how to make it.
        ValueError: not a record, or one that was changed after it was written.
    """
    path = FOLDER / f"{name}.json"
    verb = "make gpu" if name.startswith("gpu/") else "make results"
    if not path.is_file() or not path.resolve().is_relative_to(FOLDER.resolve()):
        raise FileNotFoundError(f"no record {name}: {verb} writes results/{name}.json")
    try:
        record = json.loads(path.read_bytes().decode())
        if record["checksum"] == checksum(record) and isinstance(record["code"], dict):
            del record["checksum"]
            record["data"], record["results"]
            return record
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise ValueError(
        f"results/{name}.json is damaged or not a record; {verb} writes it"
    ) from None


class Run(NamedTuple):
    """A run that will be a record: its name, and the code as it found it."""

    name: str
    house: dependencies.House


def begin(name):
    """Returns the Run of a record; call it before anything of it runs.

    Raises:
        dependencies.NoScript: no script has this name in its RECORDS.
    """
    run = Run(name, dependencies.read(ROOT))
    run.house.rests_on(name)
    _opened.clear()
    return run


def digest(run):
    """Returns a hash of all the code that a run may reach, for the names of its parts."""
    code = json.dumps(sorted(run.house.rests_on(run.name).values()))
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def write(
    run,
    results,
    *,
    settings,
    seed,
    witness=None,
    device=None,
    packages=("numpy",),
    elsewhere=None,
    commit=None,
    folder=None,
):
    """Writes a record, whole or not at all.

    Args:
        run: as ``begin`` returned it.
        results: what was measured; anything JSON can hold.
        settings: sizes, rates, budgets.
        seed: the seed, or a list of them.
        witness: a function without arguments that repeats the beginning of the run in seconds and
            returns a list of losses; they are kept, for ``make attest``. A benchmark has none.
        device: what it ran on; this machine's processor if None.
        packages: names whose versions are noted, besides Python's.
        elsewhere: {name: version} of packages that took part in an environment of their own.
        commit: of the code, where there is no git to ask.
        folder: where to, if not ``results/``.

    Returns:
        The path written.
    """
    seen = testified(witness) if witness else None
    record = {
        "name": run.name,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit or current_commit(),
        "device": device or cpu(),
        "versions": {"python": platform.python_version()}
        | {p: _version(p) for p in packages}
        | (elsewhere or {}),
        "seed": seed,
        "settings": settings,
        "code": run.house.rests_on(run.name, seen.entered if seen else None),
        "data": {path: file_digest(path) for path in _data(run)},
        **(
            {"witness": {"losses": seen.losses, "entered": seen.entered}}
            if seen
            else {}
        ),
        "results": results,
    }
    return save(record, folder)


def save(record, folder=None):
    """Writes a record as it is, with its checksum, whole or not at all, and returns its path."""
    path = (FOLDER if folder is None else Path(folder)) / f"{record['name']}.json"
    record = json.loads(json.dumps(record, allow_nan=False))
    record |= {"checksum": checksum(record)}
    write_whole(path, json.dumps(record, indent=1) + "\n")
    return path


def checksum(record):
    """Returns a hash of all that a record says, but for its own checksum."""
    said = {name: value for name, value in record.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


class Testimony(NamedTuple):
    """What a witness said, and which definitions of the package it was seen to run."""

    losses: list[float]
    ran: frozenset[str]

    @property
    def entered(self):
        """The last names of the modules that it ran something of, in order."""
        return sorted({name.split(".")[-2] for name in self.ran})


def testified(witness):
    """Returns the Testimony of a witness.

    Raises:
        ValueError: it returns no finite numbers.
    """
    seen: set[tuple[str, str]] = set()

    def note(frame, event, argument):
        seen.add((frame.f_code.co_filename, frame.f_code.co_qualname))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        losses = [float(loss) for loss in witness()]
    finally:
        sys.setprofile(before)
    if not losses or not all(map(math.isfinite, losses)):
        raise ValueError(f"a witness returns finite numbers, got {losses}")
    package = str(ROOT / "code") + os.sep
    return Testimony(
        losses,
        frozenset(
            f"{file.removeprefix(package).removesuffix('.py').replace(os.sep, '.')}."
            f"{name.partition('.')[0]}"
            for file, name in seen
            if file.startswith(package)
        ),
    )


def changes(record):
    """Returns the names of what a record rests on that is not now what it was then.

    Wherever a function stands by now, and whatever is said in its comments, docstrings and errors,
    it is the same while it does the same; see ``dependencies``.
    """
    try:
        now = _house().rests_on(
            record["name"], record.get("witness", {}).get("entered")
        )
    except dependencies.NoScript as gone:
        return [str(gone)]
    data = [path for path, was in record["data"].items() if file_digest(path) != was]
    return dependencies.compared(record["code"], now) + data


def is_stale(record):
    """Tells whether what a record rests on has changed since it was measured or reproduced."""
    return bool(changes(record))


def scripts():
    """Returns {record: module of the script that makes it}."""
    return _house().scripts


def makings():
    """Returns {record: dependencies.Making}, each after those it builds on."""
    return _house().makings()


def script_of(record):
    """Returns the file of the script that made a record, from the repository's root."""
    module = next(name for name in record["code"] if name.endswith(".RECORDS"))
    return (
        dependencies.file_of(module.rpartition(".")[0], ROOT)
        .relative_to(ROOT)
        .as_posix()
    )


def files_of(record):
    """Returns the files that a record rests on, from the repository's root."""
    modules = {name.rpartition(".")[0] for name in record["code"]}
    code = {dependencies.file_of(module, ROOT).relative_to(ROOT) for module in modules}
    return sorted({path.as_posix() for path in code} | record["data"].keys())


def file_digest(path):
    """Returns a hash of a file below the repository's root; of one that is not there, nothing."""
    try:
        return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()[:12]
    except FileNotFoundError:
        return ""


# Python tells of every file that is opened; what a run reads below results/ is data of its record.
_opened: set[str] = set()


def _note(event, arguments):
    if event == "open" and isinstance(arguments[0], str | os.PathLike):
        _opened.add(os.fspath(arguments[0]))


sys.addaudithook(_note)


def _data(run):
    """Returns the files that a run read of what others had recorded."""
    inside = {Path(os.path.abspath(path)) for path in _opened}
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in inside
        if path.is_relative_to(FOLDER) and path.is_file()
        if path.with_suffix("") != FOLDER / run.name
    )


def _house():
    folders = [ROOT / folder / room for room, folder in dependencies.ROOMS.items()]
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return _read(ROOT, tuple((path, path.stat().st_mtime_ns) for path in paths))


@functools.lru_cache(maxsize=4)
def _read(root, stamps):
    return dependencies.read(root)


def cpu():
    """Returns the processor's name and the number of cores that may be used."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    cores = (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count()
    )
    return f"{name}, {cores} cores"


def current_commit():
    """Returns the commit that is checked out, or "unknown"."""
    import subprocess  # here, because a page that loads a record has no other processes

    try:
        return subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def is_installed(package):
    """Tells whether a package is installed, under the name it is imported by or its own."""
    return _version(package) != "not installed"


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
