"""The Makefile as tests call it, and what it reads and makes."""

import os
import re
import subprocess

from tests.support.paths import ROOT


def make(*arguments, folder=ROOT):
    # Without what a `make test` above hands down.
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def locked(path):
    """Returns {name: [(version, marker, hashes)]} of a hash-locked requirements file."""
    packages = {}
    for block in re.findall(
        r"^[\w.-]+==.*(?:\n[ \t].*)*", path.read_text("utf-8"), re.MULTILINE
    ):
        head = re.match(
            r"([\w.-]+)==([^\s;]+)(?: ; (.*?))?(?: \\)?$", block, re.MULTILINE
        )
        name, version, marker = head.groups()
        hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", block))
        packages.setdefault(name, []).append((version, marker, hashes))
    return packages


def fake_python(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
