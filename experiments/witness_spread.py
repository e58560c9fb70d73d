"""How far do the witnesses of the records move: with another processor, and with another program?

    python -m experiments.witness_spread          writes results/witness_spread.json, 15 minutes
    python -m experiments.witness_spread --new    measures the records that changed since then

The tolerance of ``make attest`` must lie between the two. Each witness runs as it is, under another
kernel of the linear algebra (that of an older processor) and on one thread; then with a learning
rate one per cent higher and with every seed one higher. What is measured is the largest relative
difference of its losses.
"""

import functools
import inspect
import json
import os
import subprocess
import sys

import numpy as np

from experiments import attest, command_line
from unrolled import records
from unrolled.training import optimizers

ANOTHER_PROCESSOR = {
    "kernel": {"OPENBLAS_CORETYPE": "Nehalem"},
    "one thread": {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
}
ANOTHER_PROGRAM = ("learning rate", "seed")


def main(only_new=False):
    run = records.begin("witness_spread")
    found = {}
    known = measured_before() if only_new else {}
    for name in attest.recorded():
        losses = records.load(name).get("witness", {}).get("losses")
        if losses is None:
            continue
        if name in known:
            found[name] = known[name]
            continue
        changes = ANOTHER_PROCESSOR | dict.fromkeys(ANOTHER_PROGRAM, {})
        found[name] = {
            change: attest.difference(losses, asked(name, change, environment))
            for change, environment in changes.items()
        }
        print(name, found[name], flush=True)
    largest = max(of[change] for of in found.values() for change in ANOTHER_PROCESSOR)
    moved = [
        of[change] for of in found.values() for change in ANOTHER_PROGRAM if of[change]
    ]
    path = records.write(
        run,
        {
            "witnesses": found,
            "largest_of_processor": largest,
            "smallest_of_program": min(moved),
        },
        settings={
            "tolerance": attest.TOLERANCE,
            "learning rate": 1.01,
            **ANOTHER_PROCESSOR,
        },
        seed=0,
    )
    print(f"wrote {path.relative_to(records.ROOT)}")


def measured_before():
    """Returns what was measured for the records whose witness says the same as then."""
    before = records.load("witness_spread")
    there = attest.recorded()
    return {
        name: found
        for name, found in before["results"]["witnesses"].items()
        if name in there and unchanged_since(before["commit"], name)
    }


def unchanged_since(commit, name):
    """Tells whether a witness says what it said at a commit; False if there is no such commit."""
    command = ["git", "show", f"{commit}:results/{name}.json"]
    found = subprocess.run(command, cwd=records.ROOT, capture_output=True)
    if found.returncode:
        return False
    now, then = (
        record.get("witness", {}).get("losses")
        for record in (records.load(name), json.loads(found.stdout))
    )
    return now is not None and now == then


def asked(name, change, environment):
    """Returns the losses of a witness, asked in a process that is changed before it imports."""
    done = subprocess.run(
        [sys.executable, "-m", "experiments.witness_spread", name, change],
        env=os.environ | environment,
        cwd=records.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return list(map(float, done.stdout.splitlines()[-1].split()))


def answer(name, change):
    """Prints the losses of a witness under a change."""
    if change == "learning rate":
        for optimizer in ("sgd", "rmsprop", "adam"):
            setattr(optimizers, optimizer, faster(getattr(optimizers, optimizer)))
    if change == "seed":
        np.random.default_rng = functools.partial(another, np.random.default_rng)
    print(*map(repr, attest.witnessed(name).losses))


def faster(optimizer):
    """Returns an optimizer whose learning rate is one per cent higher."""
    signature = inspect.signature(optimizer)

    @functools.wraps(optimizer)
    def changed(*given, **named):
        bound = signature.bind(*given, **named)
        bound.apply_defaults()
        bound.arguments["learning_rate"] *= 1.01
        return optimizer(*bound.args, **bound.kwargs)

    return changed


def another(generator, seed):
    """Returns the generator of the next seed; what is no seed is left as it is."""
    if seed is None or isinstance(seed, np.random.Generator):
        return generator(seed)
    first, *rest = np.atleast_1d(seed)
    return generator([first + 1, *rest])


RECORDS = {"witness_spread": main}
MINUTES = 15
BUILDS_ON = ("*",)


if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--new", action="store_true", help="only the records that changed since then"
    )
    parser.add_argument("witness", nargs="*", metavar="NAME CHANGE", help="only one")
    given = parser.parse_args()
    if len(given.witness) not in (0, 2):
        parser.error("a witness needs a NAME and a CHANGE")
    if given.witness:
        answer(*given.witness)
    else:
        main(only_new=given.new)
