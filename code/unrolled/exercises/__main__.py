"""The exercises on the command line, for teachers: ``python -m unrolled.exercises``."""

import argparse
import sys
from pathlib import Path

from unrolled import exercises
from unrolled.exercises import grading, isolation

UNPROTECTED = (
    "no sandbox can be made, so answers would run with all of your rights: install Bubblewrap (the "
    "package bubblewrap), let your system allow it, or add --trust if you trust every answer"
)


def parser() -> argparse.ArgumentParser:
    """Returns the reader of the command line."""
    whole = argparse.ArgumentParser(
        prog="python -m unrolled.exercises", description=__doc__
    )
    commands = whole.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the exercises with their minutes")
    check = commands.add_parser("check", help="check the answers of one file")
    check.add_argument("path", type=Path, metavar="FILE")
    grade = commands.add_parser("grade", help="check all files of a folder")
    grade.add_argument("path", type=Path, metavar="FOLDER")
    grade.add_argument("--csv", type=Path, required=True, metavar="OUT")
    grade.add_argument("--workers", type=int, help="answers that run at a time")
    grade.add_argument(
        "--trust", action="store_true", help="run without a sandbox if there is none"
    )
    normal = isolation.Limits()
    for command in (check, grade):
        command.add_argument(
            "--seconds", type=float, default=normal.seconds, help="for each answer"
        )
        command.add_argument(
            "--megabytes", type=int, default=normal.megabytes, help="for each answer"
        )
    return whole


def print_list() -> None:
    """Prints each exercise: name, part, kind, level and minutes, separated by tabs."""
    print("exercise", "part", "kind", "level", "minutes", sep="\t")
    for name in exercises.names():
        module = exercises.load(name)
        about = exercises.part_of(name), module.KIND, module.LEVEL, module.MINUTES
        print(name, *about, sep="\t")


def check(path: Path, limits: isolation.Limits) -> int:
    """Prints the verdicts on the answers of a file; returns how many are not solved."""
    wrong = 0
    for row in grading.grade([path], path.parent, limits, isolation.sandbox()):
        wrong += row.solved != "yes"
        print(f"{row.exercise or row.file}: {row.message}", flush=True)
    return wrong


def grade(options: argparse.Namespace, limits: isolation.Limits) -> None:
    """Writes the table of a folder.

    Raises:
        ValueError: the folder holds nothing, or nothing protects the machine from the answers.
    """
    wrapper = isolation.sandbox()
    if wrapper is None and not options.trust:
        raise ValueError(UNPROTECTED)
    paths = grading.found_in(options.path)
    rows = []
    for row in grading.grade(paths, options.path, limits, wrapper, options.workers):
        rows.append(row)
        print(f"\r{len(rows)} answers", end="", file=sys.stderr, flush=True)
    grading.write(rows, options.csv)
    solved = sum(row.solved == "yes" for row in rows)
    print(
        f"\r{solved} of {len(rows)} answers of {len(paths)} files are solved: {options.csv}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns 0, or 1 if an answer of `check` is wrong, or 2 after a bad input."""
    options = parser().parse_args(arguments)
    try:
        if options.command == "list":
            print_list()
            return 0
        limits = isolation.Limits(options.seconds, options.megabytes)
        if options.command == "check":
            if not options.path.is_file():
                raise ValueError(f"there is no file {options.path}")
            return min(1, check(options.path, limits))
        grade(options, limits)
    except (OSError, ValueError) as error:
        print(f"unrolled.exercises: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
