"""Makes the recorded results that are missing or stale, one after the other.

    python -m experiments.all            makes them
    python -m experiments.all --list     only says what it would make

Each script goes on where it was interrupted, and a record that fits the code is left as it is.
"""

import subprocess
import sys

from experiments import command_line
from unrolled import records


def experiments():
    """Returns {record: arguments of ``python -m`` that make it}, in the order to make them in.

    They are read from the scripts: RECORDS, ARGUMENTS and BUILDS_ON, as in ``dependencies``.
    """
    return {
        name: command
        for name, command in records.commands().items()
        if not name.startswith("gpu/")  # make gpu makes these
    }


def state(name):
    """Returns "missing", "damaged", "stale" or "up to date"."""
    try:
        return "stale" if records.is_stale(records.load(name)) else "up to date"
    except FileNotFoundError:
        return "missing"
    except ValueError:
        return "damaged"


def main(arguments, commands=None, run=subprocess.call):
    """Returns the exit status: of the first script that fails, or 0."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--list", action="store_true", help="only list the records")
    given = parser.parse_args(arguments)
    # Asked anew for each, since making one record can change the next.
    for name, command in (commands or experiments()).items():
        found = state(name)
        print(f"{name}: {found}", flush=True)
        if found == "up to date" or given.list:
            continue
        if status := run([sys.executable, "-m", *command]):
            print(
                f"experiments.all: {name} ended with status {status}", file=sys.stderr
            )
            return status
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("experiments.all: stopped; the same command goes on from here")
