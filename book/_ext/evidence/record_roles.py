"""Recorded numbers on the page: {record}`file:path.to.key:format`, and where they come from.

The number is read from results/; a key that is not there fails the build. ```{record-origin}
file``` says on which device, with which versions, seed and commit it was recorded, and whether the
code has changed since. With :not-yet: and a sentence, it says that while the file is not there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from book._ext.source import changes
from unrolled import records

NAMES = {
    "python": "Python",
    "numpy": "NumPy",
    "scipy": "SciPy",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "pytensor": "PyTensor",
    "torch": "PyTorch",
    "jax": "JAX",
    "cupy": "CuPy",
}

# Records about the book itself, which no chapter quotes; book/_ext/report shows them.
OF_THE_BOOK = {
    "checks.json",
    "evidence.json",
    "knob_times.json",
    "lighthouse.json",
    "mutation.json",
}

LOG = logging.getLogger(__name__)


class NoRecord(LookupError):
    """A page asks for a record, or a key of one, that is not there; the message says which."""


class NotYet(NoRecord):
    """The whole record is not there."""


def load(root: Path, name: str) -> dict[str, Any]:
    """Return the record results/NAME.json."""
    path = root / "results" / f"{name}.json"
    try:
        record = json.loads(path.read_text("utf-8"))
        if not isinstance(record, dict):
            raise ValueError("it is no dictionary")
        if record.get("checksum", now := records.checksum(record)) != now:
            raise ValueError("it has changed since it was written")
    except FileNotFoundError:
        raise NotYet(f"there is no record results/{name}.json") from None
    except ValueError as error:
        raise NoRecord(f"results/{name}.json is damaged: {error}") from None
    return record


def value(record: Any, path: str) -> Any:
    """Return the value at `results.validation.perplexity`; a number indexes a list."""
    found = record
    for key in path.split("."):
        try:
            found = found[int(key)] if isinstance(found, list) else found[key]
        except (KeyError, IndexError, TypeError, ValueError):
            known = (
                ", ".join(found)
                if isinstance(found, dict)
                else f"a {type(found).__name__}"
            )
            raise NoRecord(
                f"{path} is not in the record: {key} is not among {known}"
            ) from None
    if isinstance(found, dict | list):
        raise NoRecord(f"{path} is not one value")
    return found


def formatted(root: Path, text: str) -> str:
    """Return what {record}`text` shows."""
    name, _, rest = text.partition(":")
    path, _, spec = rest.partition(":")
    found = value(load(root, name), path)
    try:
        return format(found, spec)
    except (TypeError, ValueError) as error:
        raise NoRecord(f"{found!r} cannot be shown as {spec}: {error}") from None


class RecordRole(SphinxRole):
    """A recorded number in the prose."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the number, or nothing and a warning."""
        root = Path(self.env.srcdir)
        self.env.note_dependency(
            str(root / "results" / f"{self.text.partition(':')[0]}.json")
        )
        try:
            shown = formatted(root, self.text)
        except NoRecord as error:
            LOG.warning(
                "record: %s", error, location=self.get_location(), type="record"
            )
            return [], []
        title = f"Recorded in results/{self.text.partition(':')[0]}.json"
        return [nodes.inline(shown, shown, classes=["record"], title=title)], []


class RecordOrigin(SphinxDirective):
    """The line that says where a record's numbers come from, or what it says if there is none."""

    required_arguments = 1
    option_spec = {"not-yet": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the line."""
        root, name = Path(self.env.srcdir), self.arguments[0]
        path = root / "results" / f"{name}.json"
        if path.is_file():
            self.env.note_dependency(str(path))
        else:  # a dependency that is missing would make the page anew at every build
            awaited(self.env).setdefault(self.env.docname, set()).add(str(path))
        try:
            record = load(root, name)
            line = origin(record)
        except NoRecord as error:
            if isinstance(error, NotYet) and "not-yet" in self.options:
                words, _ = self.parse_inline(
                    self.options["not-yet"], lineno=self.lineno
                )
                return [
                    nodes.paragraph(
                        "", "", *words, classes=["record-origin", "not-yet"]
                    )
                ]
            LOG.warning(
                "record: %s", error, location=self.get_location(), type="record"
            )
            return []
        files = records.files_of(record)
        for file in filter(os.path.isfile, map(str, map(root.joinpath, files))):
            self.env.note_dependency(file)
        stale = name in stale_records(root)
        paragraph = nodes.paragraph(classes=["record-origin"] + ["stale"] * stale)
        paragraph += [
            nodes.Text("Recorded in "),
            nodes.literal("", f"results/{name}.json"),
            nodes.Text(f" {line} {standing(record, stale)}"),
        ]
        return [paragraph]


def origin(record: dict[str, Any]) -> str:
    """Return device, versions, seed, commit and date of a record in words."""
    try:
        versions = ", ".join(
            f"{NAMES.get(k, k)} {v}" for k, v in record["versions"].items()
        )
        return (
            f"on {str(record['date'])[:10]}: {device_of(record)}; {versions}; "
            f"seed {record['seed']}; "
            f"commit {str(record['commit'])[:10]}."
        )
    except KeyError as error:
        raise NoRecord(f"the record lacks {error}") from None


def device_of(record: dict[str, Any]) -> str:
    """Return what a record was measured on."""
    device = record["device"]
    if isinstance(device, dict):
        return device.get("name") or ", ".join(str(v) for v in device.values())
    return str(device)


def standing(record: dict[str, Any], stale: bool) -> str:
    """Return whether the code that made a record has changed since, and what that did."""
    if stale:
        return "The code has changed since."
    if not (again := record.get("reproduced")):
        return "The code has not changed since."
    difference = again["difference"]
    agreement = (
        f"the same numbers up to a relative difference of {difference:.0e}"
        if difference
        else "exactly the same numbers"
    )
    return (
        f"The code has changed since. On {again['date']}, at commit {again['commit'][:10]}, "
        f"a rerun of a small part gave {agreement}."
    )


def stale_records(root: Path) -> set[str]:
    """Return the records whose code has changed, by their paths below results/."""
    folder = root / "results"
    found = changes.files(root / "code") | changes.files(root / "experiments")
    found |= changes.files(folder)

    def compute() -> list[str]:
        paths = [Path(path) for path in found if path.endswith(".json")]
        below = [path for path in paths if path.is_relative_to(folder)]
        held = {
            path.relative_to(folder).with_suffix("").as_posix(): json.loads(
                path.read_text("utf-8")
            )
            for path in below
            if path.name not in OF_THE_BOOK
        }
        return [
            name
            for name, record in held.items()
            if "code" in record and records.is_stale(record)
        ]

    return set(changes.remembered(root, "stale-records", found, compute))


def awaited(env: Any) -> dict[str, set[str]]:
    """Return the records that were not there when their pages were read."""
    if not hasattr(env, "unrolled_awaited"):
        env.unrolled_awaited = {}
    return env.unrolled_awaited


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages whose records have come."""
    return [
        page for page, paths in awaited(env).items() if any(map(os.path.isfile, paths))
    ]


def forget(app: Any, env: Any, docname: str) -> None:
    """Forget what a page waited for, before it is read again."""
    awaited(env).pop(docname, None)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_role("record", RecordRole())
    app.add_directive("record-origin", RecordOrigin)
    app.connect("env-get-outdated", outdated)
    app.connect("env-purge-doc", forget)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
