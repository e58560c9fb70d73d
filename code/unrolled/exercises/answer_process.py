"""Runs one answer and its check: the program of the process that `isolation` starts.

It reads the order from standard input. The verdict goes to the file that was standard output; what
the answer prints goes nowhere.
"""

import io
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from unrolled import exercises

FILE_BYTES = 16_000_000  # the largest file that an answer may write


def limit_resources(megabytes: int) -> None:
    """Limits the address space of this process and its files, where the system can do so."""
    try:
        import resource
    except ImportError:  # Windows
        return
    size = megabytes * 1_000_000
    for what, most in (
        (resource.RLIMIT_AS, size),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):  # macOS cannot limit the address space
            continue


def verdict(name: str, code: str) -> exercises.Verdict:
    """Returns what is to be said of an answer, whatever its code does in this process."""
    judge: Callable[..., exercises.Verdict] = exercises.judge
    answers: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(code, "<the answer>", "exec"), answers)
        return judge(name, answers)
    except SyntaxError as error:
        told = f"The code is not valid Python: {error.msg}, line {error.lineno}."
    except Exception as error:
        told = exercises.explain(error)
    except BaseException as error:
        told = f"Your code ends the program ({type(error).__name__})."
    return exercises.Verdict(False, f"Not yet. {told}")


def main() -> None:
    """Runs the answer of the order and writes the verdict."""
    order = json.load(sys.stdin)
    result = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.stdin, sys.stdout = io.StringIO(), open(os.devnull, "w")
    exercises.load(order["exercise"])
    limit_resources(order["megabytes"])
    passed, message = verdict(order["exercise"], order["code"])
    said = {"token": order["token"], "solved": passed, "message": message}
    os.write(result, json.dumps(said).encode())
    os._exit(0)  # no thread or exit handler of the answer may delay the end


if __name__ == "__main__":
    main()
