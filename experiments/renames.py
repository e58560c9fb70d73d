"""Which recorded results stand when all that changed since a commit is names? Nothing is run.

    python -m experiments.renames COMMIT MODULE._OLD=NEW ...

A new name changes the hash of every function that uses it, but not what the function does. So the
definitions of the commit are given their new names and compared with those of today. A record
that fitted the commit, and rests on the same program under the new names, gets the hashes of today.
Only names that are private to their module are renamed, since no other module uses those.
"""

import argparse
import ast
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from unrolled import dependencies, records


def main(arguments=None):
    """Returns the exit status: 0 if all records that have changed stand."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.renames", description=__doc__.splitlines()[0]
    )
    parser.add_argument("commit", metavar="COMMIT", help="before the renames")
    parser.add_argument("names", nargs="+", metavar="MODULE._OLD=NEW")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            checked_out(given.commit, folder)
        except subprocess.CalledProcessError:
            parser.error(f"git has no commit {given.commit}")
        try:
            return 0 if all(stands(Path(folder), given.names)) else 1
        except ValueError as problem:
            parser.error(str(problem))


def checked_out(commit, folder):
    """Writes the code and the records of a commit into a folder."""
    archive = subprocess.run(
        ["git", "archive", commit, "code/unrolled", "experiments", "results"],
        cwd=records.ROOT,
        capture_output=True,
        check=True,
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def stands(before, names):
    """Tells of each record that changed since whether it stands; what does is written.

    Args:
        before: folder with the code and the records before the renames.
        names: ``module._old=new`` of each rename.

    Raises:
        ValueError: no such private name, or the new name was there before.
    """
    sources = dependencies.sources(before)
    old = dependencies.House(sources)
    renamed = dependencies.House(with_new_names(sources, names))
    now = dependencies.read(records.ROOT)
    found, both = [], (before, records.ROOT)
    for name in now.makings():  # a record after those that it builds on
        if not all((root / "results" / f"{name}.json").is_file() for root in both):
            continue
        record = records.load(name)
        if not records.changes(record):
            continue
        entered = record.get("witness", {}).get("entered")
        code = now.rests_on(name, entered)
        data = {path: new_digest(before, path, record) for path in record["data"]}
        problem = ""
        if dependencies.compared(record["code"], old.rests_on(name, entered)):
            problem = "it did not fit the commit"
        elif changed := dependencies.compared(renamed.rests_on(name, entered), code):
            problem = f"more than names changed: {', '.join(changed)}"
        elif None in data.values():
            problem = "its data changed"
        print(f"{name}: {f'stale, {problem}' if problem else 'the same'}", flush=True)
        if not problem:
            records.save(record | {"code": code, "data": data})
        found.append(not problem)
    return found


def with_new_names(sources, names):
    """Returns {module: source} with private names replaced in the modules that define them."""
    sources = dict(sources)
    for pair in names:
        qualified, _, new = pair.partition("=")
        module, _, old = qualified.rpartition(".")
        if not old.startswith("_") or not new.isidentifier() or module not in sources:
            raise ValueError(f"{pair} is not MODULE._OLD=NEW")
        tree = ast.parse(sources[module])
        if old not in (there := written_names(tree)) or new in there:
            raise ValueError(f"{pair}: {module} has no {old}, or has {new} already")
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id == old:
                node.id = new
            elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == old:
                node.name = new
        sources[module] = ast.unparse(tree)
    return sources


def written_names(tree):
    """Returns every name that a module defines, imports, takes as an argument or uses."""
    found = set()
    for node in ast.walk(tree):
        for field in ("id", "name", "arg", "asname"):
            found.add(getattr(node, field, None))
    return found


def new_digest(before, path, record):
    """Returns the digest of a file that a record read; None if the file says something else now.

    Of another record, what it rests on may have new names; all the rest must be as it was.
    """
    was, is_now = record["data"][path], records.file_digest(path)
    if was == is_now:
        return was
    if not path.endswith(".json") or records.file_digest(before / path) != was:
        return None
    old, new = (
        json.loads((root / path).read_bytes()) for root in (before, records.ROOT)
    )
    unnamed = {"code": None, "data": None, "checksum": None}
    return is_now if old | unnamed == new | unnamed else None


if __name__ == "__main__":
    sys.exit(main())
