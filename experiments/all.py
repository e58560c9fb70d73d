"""Makes the recorded results that are missing or stale, two side by side.

    python -m experiments.all            makes them
    python -m experiments.all --list     only says what it would make, and how long each takes
    python -m experiments.all --jobs 4   makes four side by side, each on one thread

A record is made after those that it builds on. What measures times runs alone, after what is ready
to be trained. Each script goes on where it was interrupted, and a record that fits the code is left
as it is. What a script prints stands in _build/results/.
"""

import concurrent.futures
import graphlib
import os
import subprocess
import sys

from experiments import command_line
from unrolled import records

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")


def experiments():
    """Returns {record: dependencies.Making}, in an order in which they can be made.

    They are read from the scripts: RECORDS, ARGUMENTS, BUILDS_ON, MINUTES and ALONE.
    """
    return {
        name: making
        for name, making in records.makings().items()
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


def log_of(name):
    """Returns the file that keeps what the script of a record prints."""
    return records.ROOT / f"_build/results/{name}.log"


def run(name, making):
    """Runs the script of a record; returns its exit status."""
    log = log_of(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        return subprocess.call(
            [sys.executable, "-m", *making.command],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | ({} if making.alone else ONE_THREAD),
        )


def make(makings, jobs, run):
    """Makes each record that is not up to date; returns the exit status of the first that fails."""
    order = graphlib.TopologicalSorter(
        {name: [n for n in m.after if n in makings] for name, m in makings.items()}
    )
    order.prepare()
    waiting: list[str] = []
    running: dict[concurrent.futures.Future[int], str] = {}
    failed = 0

    def may_begin(name):
        others = [makings[n] for n in running.values()]
        if makings[name].alone:
            return not others and all(makings[n].alone for n in waiting)
        return len(others) < jobs and not any(other.alone for other in others)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        while not failed and order.is_active():
            for name in order.get_ready():
                # Asked only now, since making one record can change the next.
                found = state(name)
                print(f"{name}: {found}", flush=True)
                if found == "up to date":
                    order.done(name)
                else:
                    waiting.append(name)
            while begun := next(filter(may_begin, waiting), None):
                waiting.remove(begun)
                running[pool.submit(run, begun, makings[begun])] = begun
            if not running:
                continue
            ended, _ = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in ended:
                name = running.pop(future)
                order.done(name)
                if status := future.result():
                    print(
                        f"experiments.all: {name} ended with status {status}:"
                        f" see {log_of(name)}",
                        file=sys.stderr,
                    )
                    failed = failed or status
    return failed


def listed(makings):
    """Yields a line for each record, with the minutes on one core, and one for all of them."""
    for name, making in makings.items():
        alone = ", alone" if making.alone else ""
        yield f"{name}: {state(name)} ({making.minutes} min{alone})"
    minutes = sum(making.minutes for making in makings.values())
    yield f"from nothing: {minutes / 60:.1f} hours on one core"


def main(arguments, makings=None, run=run):
    """Returns the exit status: of the first script that fails, or 0."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--list", action="store_true", help="only list the records")
    parser.add_argument("--jobs", type=int, default=2, help="how many run side by side")
    given = parser.parse_args(arguments)
    if given.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {given.jobs}")
    makings = makings or experiments()
    if given.list:
        print(*listed(makings), sep="\n")
        return 0
    return make(makings, given.jobs, run)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("experiments.all: stopped; the same command goes on from here")
