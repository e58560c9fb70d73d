"""Do the recorded results still stand, now that code they rest on has changed? `make attest`.

    python -m experiments.attest             asks the witnesses of the records that are stale
    python -m experiments.attest --all       asks all of them
    python -m experiments.attest NAME ...    asks these

A witness is the beginning of a training, repeated in seconds; its losses are kept in the record.
If the code of today gives the same losses within TOLERANCE, the record stands: it was measured at
one commit and reproduced in small at another. It stays stale until ``make results`` measures it
again if the losses differ, if it has no witness (a benchmark has none), and if something changed
that a witness cannot vouch for: a constant of the script, the data, a function it does not run.
"""

import argparse
import functools
import importlib
import math
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

from unrolled import records

# Above what another processor changes, below what another program does: results/witness_spread.json
TOLERANCE = 1e-5


def main(arguments=None, testify=None):
    """Returns the exit status: 0 if all that was asked about stands."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.attest", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="of a record; all that are stale"
    )
    parser.add_argument(
        "--all", action="store_true", help="also those that are not stale"
    )
    given = parser.parse_args(arguments)
    try:
        asked = [records.load(name) for name in given.names or recorded()]
    except (FileNotFoundError, ValueError) as problem:
        parser.error(str(problem))
    stands = True
    for record in asked:
        changed = records.changes(record)
        if changed or given.all or given.names:
            stands &= attest(record, changed, testify or in_a_process)
    return 0 if stands else 1


def recorded():
    """Returns the names of all records that a script makes and that are there."""
    return [
        name
        for name in records.scripts()
        if (records.FOLDER / f"{name}.json").is_file()
    ]


def attest(record, changed, testify):
    """Tells whether a record stands; if its code changed and it does, that is written into it."""
    name = record["name"]
    if "witness" not in record:
        return not changed or is_stale(name, "a benchmark: make results")
    house = records.begin(name).house
    constants = {of for of in record["code"] if house.kind(of) == "constant"}
    settings = {of for of in constants if of.startswith("experiments.")} | record[
        "data"
    ].keys()
    if found := sorted(settings.intersection(changed)):
        return is_stale(name, f"{', '.join(found)} changed: make results")
    seen = testify(name)
    functions = [of for of in changed if house.kind(of) == "function"]
    if idle := [
        of for of in functions if of.startswith("unrolled.") and of not in seen.ran
    ]:
        return is_stale(
            name, f"its witness does not run {', '.join(idle)}: make results"
        )
    gap = difference(record["witness"]["losses"], seen.losses)
    agrees = gap <= TOLERANCE
    print(
        f"{name}: {'reproduced' if agrees else 'NOT reproduced'}, to {gap:.1e}",
        flush=True,
    )
    if agrees and changed:
        record["code"] = house.rests_on(name, seen.entered)
        record["witness"]["entered"] = seen.entered
        record["reproduced"] = {
            "commit": records.current_commit(),
            "date": datetime.now(UTC).date().isoformat(),
            "device": records.cpu(),
            "difference": gap,
        }
        records.save(record)
    return agrees


def is_stale(name, why):
    """Says why a record is stale and stays so."""
    print(f"{name}: stale, {why}", flush=True)
    return False


def difference(before, now):
    """Returns the largest relative difference of two lists of losses; infinity if not as long."""
    if len(before) != len(now):
        return math.inf
    pairs = zip(before, now, strict=True)
    return max(0.0 if a == b else abs(a - b) / max(abs(a), abs(b)) for a, b in pairs)


def in_a_process(name):
    """Returns what the witness of a record says, asked in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(witnessed, name).result()


def witnessed(name):
    """Returns what the witness of a record says."""
    script = importlib.import_module(records.scripts()[name])
    return records.testified(functools.partial(script.witness, name))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("experiments.attest: stopped; what was reproduced is kept")
