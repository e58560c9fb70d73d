"""`make mutants`: changes the package in small ways and asks whether a test notices.

mutmut makes the changes and runs, for each, the tests that execute the changed function. All of it
happens below _build/mutants. What is changed, and which tests are asked, is in pyproject.toml;
survivors have their sentences in tests/support/mutants.toml.
"""

import argparse
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from datetime import UTC, datetime
from importlib import metadata

from tests.support.paths import ROOT
from unrolled import records

FOLDER = ROOT / "_build/mutants"
SENTENCES = ROOT / "tests/support/mutants.toml"
RECORD = "mutation"
CAUGHT = ("killed", "timeout", "segfault", "suspicious")
# unrolled.cells.rnn.x_step__mutmut_3, unrolled.training.train.xǁHistoryǁadd__mutmut_1
NAME = re.compile(r"(?P<module>.+)\.x(?:_|ǁ(?P<owner>.+)ǁ)(?P<function>.+)__mutmut_\d+")


def prepare(root, folder):
    """Makes the folder anew, with links to the tree; returns the files that are to be changed.

    `src` leads to `code`: mutmut takes what stands before a package's name for its folder only if
    it is called src.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"][
        "mutmut"
    ]
    for name in ("pyproject.toml", "tests", *config.get("also_copy", ())):
        (folder / name).symlink_to(root / name)
    (folder / "src").symlink_to(root / "code")
    return config["only_mutate"]


def mutmut(folder, *arguments, **options):
    """Runs mutmut in the folder."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)  # the tests must import the changed package
    return subprocess.run(
        command, cwd=folder, env=environment, text=True, check=True, **options
    )


NAMES = """
import sys
from pathlib import Path
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name
for path in map(Path, sys.argv[1:]):
    for name in mutate_file_contents(str(path), path.read_text("utf-8")).mutant_names:
        print(get_mutant_name(path, name))
"""


def names(folder, paths):
    """Returns the names of all mutants of each file."""
    command = [sys.executable, "-c", NAMES, *paths]
    found = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True
    )
    of_module = defaultdict(list)
    for name in found.stdout.split():
        of_module[NAME.fullmatch(name)["module"]].append(name)
    return of_module


def sample(of_module, each, seed):
    """Returns the names of some mutants of each module, or of all where there are fewer."""
    rng = random.Random(seed)
    return [
        name
        for module, found in sorted(of_module.items())
        for name in rng.sample(sorted(found), min(each, len(found)))
    ]


def outcomes(folder, chosen):
    """Returns {mutant: outcome} of the chosen mutants, as mutmut has them after its run."""
    printed = mutmut(folder, "results", "--all", "true", capture_output=True).stdout
    found = dict(line.strip().rsplit(": ", 1) for line in printed.splitlines())
    return {name: found[name] for name in chosen}


def difference(folder, name):
    """Returns the lines that a mutant replaces, and the lines that it has instead."""
    printed = mutmut(folder, "show", name, capture_output=True).stdout.splitlines()
    changed = [
        line for line in printed if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    before, after = (
        "\n".join(line[1:].strip() for line in changed if line[0] == sign)
        for sign in "-+"
    )
    return before, after


def function_of(name):
    """Returns the function that a mutant changes, such as unrolled.cells.rnn.step."""
    module, owner, function = NAME.fullmatch(name).group("module", "owner", "function")
    return ".".join(filter(None, (module, owner, function)))


def sentences(path=SENTENCES):
    """Returns what is known of survivors, a list of entries."""
    return tomllib.loads(path.read_text("utf-8")).get("survivor", [])


def entry_of(known, function, before, after):
    """Returns the entry of a survivor, {} if there is none.

    An entry with a function has whole lines; one without holds for a part of any line.
    """
    for entry in known:
        if "function" in entry:
            if (entry["function"], entry["before"], entry["after"]) == (
                function,
                before,
                after,
            ):
                return entry
        elif after in replacements(before, entry["before"], entry["after"]):
            return entry
    return {}


def replacements(text, part, other):
    """Returns the text with one occurrence of a part replaced, once for each occurrence."""
    pieces = text.split(part)
    return [
        part.join(pieces[:i]) + other + part.join(pieces[i:])
        for i in range(1, len(pieces))
    ]


def run(root, folder, each=None, seed=0, only=None):
    """Runs a sample of the mutants of a tree.

    Args:
        root: the tree, with pyproject.toml, code/ and tests/.
        folder: where to work; it is made anew.
        each: how many mutants of each module; all of them if None.
        seed: which sample.
        only: a module, such as unrolled.cells.rnn, if not all of them.

    Returns:
        {mutant: outcome}, and {survivor: (before, after)}.
    """
    of_module = names(folder, prepare(root, folder))
    if only:
        of_module = {only: of_module[only]}
    picked = sample(of_module, each or max(map(len, of_module.values())), seed)
    mutmut(folder, "run", *picked)
    found = outcomes(folder, picked)
    survivors = [name for name, outcome in found.items() if outcome not in CAUGHT]
    return found, {name: difference(folder, name) for name in survivors}


def report(found, differences, known):
    """Returns the results of a record.

    Args:
        found: {mutant: outcome}.
        differences: {survivor: (before, after)}.
        known: what `sentences` returns.
    """
    functions, modules = defaultdict(counts), defaultdict(counts)
    survivors = []
    for name, outcome in sorted(found.items()):
        function = function_of(name)
        rows = functions[function], modules[NAME.fullmatch(name)["module"]]
        survivor = None
        if outcome not in CAUGHT:
            before, after = differences[name]
            entry = entry_of(known, function, before, after)
            survivor = {
                "function": function,
                "before": before,
                "after": after,
                "sentence": entry.get("sentence", ""),
                "equivalent": entry.get("equivalent", False),
            }
            survivors.append(survivor)
        for row in rows:
            row["mutants"] += 1
            row["caught"] += survivor is None
            row["equivalent"] += bool(survivor and survivor["equivalent"])
    return {
        "functions": dict(functions),
        "modules": dict(modules),
        "survivors": survivors,
    }


def counts():
    """Returns the counts of no mutants."""
    return {"mutants": 0, "caught": 0, "equivalent": 0}


def write(results, settings, seed, path):
    """Writes the record."""
    record = {
        "name": RECORD,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": records.current_commit(),
        "device": records.cpu(),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("mutmut", "numpy", "pytest")},
        },
        "seed": seed,
        "settings": settings,
        "results": results,
    }
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")


def main(arguments=None):
    """Runs the mutants, writes the record, and names each survivor without a sentence."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="which sample (0)")
    parser.add_argument(
        "--each", type=int, default=25, help="mutants of each module (25)"
    )
    parser.add_argument("--all", action="store_true", help="every mutant: many hours")
    parser.add_argument(
        "--only", help="one module, such as unrolled.cells.rnn; writes no record"
    )
    chosen = parser.parse_args(arguments)
    each = None if chosen.all else chosen.each
    found, differences = run(ROOT, FOLDER, each, chosen.seed, chosen.only)
    results = report(found, differences, sentences())
    if not chosen.only:
        settings = {"each": each or "all"}
        write(results, settings, chosen.seed, ROOT / f"results/{RECORD}.json")
    silent = [s for s in results["survivors"] if not s["sentence"]]
    for survivor in silent:
        print("\n[[survivor]]")
        for key in ("function", "before", "after", "sentence"):
            print(f"{key} = {json.dumps(survivor[key], ensure_ascii=False)}")
    print(f"\n{len(found) - len(differences)} of {len(found)} mutants were caught.")
    if silent:
        sys.exit(
            f"{len(silent)} survivors, above, have no sentence: write a test that catches them, or "
            "say in tests/support/mutants.toml why none does"
        )


if __name__ == "__main__":
    main()
