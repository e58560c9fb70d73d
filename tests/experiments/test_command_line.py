"""Every script says what it does when asked, refuses other arguments, and begins nothing."""

import re
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

SCRIPTS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for path in (ROOT / "experiments").rglob("*.py")
    if "\nif __name__ ==" in path.read_text("utf-8")
)
QUICK = (
    "experiments.frameworks.tfrecords",
    "experiments.language_models.language_model",
    "experiments.speed.bench_lstm",
)
SLOW_TO_IMPORT = {"tensorflow", "keras", "torch", "jax", "pytensor", "triton", "scipy"}
each_script = [
    s if s in QUICK else pytest.param(s, marks=pytest.mark.slow) for s in SCRIPTS
]


def asked(script, *arguments):
    """What a script prints within a time in which no experiment ends."""
    command = [sys.executable, "-X", "importtime", "-m", script, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_there_are_scripts():
    assert len(SCRIPTS) > 30 and set(QUICK) < set(SCRIPTS)


@pytest.mark.parametrize("script", each_script)
def test_help_shows_the_usage_before_imports_that_take_seconds(script):
    done = asked(script, "--help")
    assert done.returncode == 0 and re.match(
        rf"usage: python3? -m {re.escape(script)}\s", done.stdout
    )
    imported = set(re.findall(r"\|\s+(\w+)$", done.stderr, re.MULTILINE))
    assert "argparse" in imported and not imported & SLOW_TO_IMPORT


@pytest.mark.parametrize(
    ("script", "wrong"),
    [(script, "--wrong") for script in QUICK]
    + [pytest.param(script, "wrong", marks=pytest.mark.slow) for script in SCRIPTS],
)
def test_arguments_that_a_script_does_not_have_are_refused(script, wrong):
    done = asked(script, *9 * [wrong])
    lines = [line for line in done.stderr.splitlines() if "import time:" not in line]
    assert done.returncode == 2 and done.stdout == ""
    assert lines[0].startswith("usage: ") and f"{script}: error: " in lines[-1]
