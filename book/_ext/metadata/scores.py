"""Lighthouse's scores of every page, as `make scores` records them in results/lighthouse.json.

Each page of the built site is opened as on a mid-range telephone with a slow line (Lighthouse's own
settings for mobile), served from this machine, gzipped as hosts do. A page's scores are the medians
of three runs; RUNS=1 in the environment takes one. PAGES="book/intro book/notation" measures some
pages and leaves the record as it is. What an interrupted run had measured is kept, and the next
goes on from there; a page that has changed by then is measured again.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tornado import web

from book._ext.build import build, chromium, serve
from book._ext.build.paths import HERE, Paths
from book._ext.source import node
from unrolled import files, records

PACKAGE = HERE.root / "tests/support/lighthouse"
# Lighthouse is installed outside of tests/
LIGHTHOUSE = HERE.build / "lighthouse"
RECORD, HALF_DONE = "results/lighthouse.json", "_build/lighthouse.json"
SCORES = ("performance", "accessibility", "best-practices", "seo")


class Host(serve.Site):
    """Serve files that browsers may keep for ten minutes, as hosts do."""

    def get_cache_time(self, *file: Any) -> int:
        """Return for how many seconds a browser may keep a file."""
        return 600


def host(html: Path) -> web.Application:
    """Return what answers for the site, with its text gzipped."""
    return serve.application(html, Host, compress_response=True)


def report(address: str) -> dict[str, Any]:
    """Run Lighthouse once on a page; return its report."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = " ".join(["--headless=new", *chromium.FLAGS, *["--no-sandbox"] * root])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "report.json")
        command = [
            node.NODE,
            str(LIGHTHOUSE / "node_modules/lighthouse/cli/index.js"),
            address,
            "--quiet",
            f"--chrome-flags={flags}",
            "--output=json",
            f"--output-path={out}",
        ]
        environment = node.environment()
        if found := chromium.path():
            environment["CHROME_PATH"] = found
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode or not out.is_file():
            last = (done.stderr.strip() or "no report").splitlines()[-1]
            raise build.BuildError(f"Lighthouse ended on {address}: {last}")
        return json.loads(out.read_text("utf-8"))


def scores(reports: list[dict[str, Any]]) -> dict[str, float]:
    """Return the medians of some reports of one page: scores of 100, and bytes on the wire."""
    found = {
        name: statistics.median(
            round(100 * r["categories"][name]["score"]) for r in reports
        )
        for name in SCORES
    }
    weights = [r["audits"]["total-byte-weight"]["numericValue"] for r in reports]
    return found | {"bytes": statistics.median(weights)}


def install() -> None:
    """Install Lighthouse by its lock."""
    LIGHTHOUSE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(PACKAGE / name, LIGHTHOUSE / name)
    build.npm_packages(LIGHTHOUSE)


def measured(
    names: Iterable[str], runs: int, html: Path
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each page with its scores, and say them."""
    with serve.running(host(html)) as address:
        for name in names:
            found = scores([report(f"{address}/{name}") for _ in range(runs)])
            print(*(f"{found[score]:5.0f}" for score in SCORES), name, flush=True)
            yield name, found


def version(name: str, runs: int, html: Path) -> str:
    """Return what a measurement is valid for: so many runs of the page as it stands."""
    return f"{runs} {hashlib.sha256((html / name).read_bytes()).hexdigest()}"


def record(names: list[str], runs: int, paths: Paths) -> None:
    """Write the record of all pages, from what an interrupted run measured and from new runs."""
    half_done = paths.root / HALF_DONE
    half = json.loads(half_done.read_text("utf-8")) if half_done.is_file() else {}
    of = {name: version(name, runs, paths.html) for name in names}
    known = {
        name: half[name] for name in names if half.get(name, {}).get("of") == of[name]
    }
    missing = [name for name in names if name not in known]
    for name, found in measured(missing, runs, paths.html):
        known[name] = {"of": of[name], "scores": found}
        files.write_whole(half_done, json.dumps(known))
    package = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    whole = {
        "date": datetime.date.today().isoformat(),
        "device": records.cpu(),
        "runs": runs,
        "versions": package["devDependencies"],
        "pages": {name: known[name]["scores"] for name in names},
    }
    files.write_whole(paths.root / RECORD, json.dumps(whole, indent=1) + "\n")
    half_done.unlink(missing_ok=True)


def work(paths: Paths = HERE) -> str:
    """Do what the environment asks for; return what is to be said of it."""
    runs = os.environ.get("RUNS", "3")
    if not runs.isdecimal() or int(runs) == 0:
        raise build.BuildError(f"RUNS={runs} is no number of runs")
    chosen = [
        f"{name.removesuffix('.html')}.html"
        for name in os.environ.get("PAGES", "").split()
    ]
    every = sorted(
        path.relative_to(paths.html).as_posix()
        for path in paths.html.glob("book/**/*.html")
    )
    names = chosen or [*every, "search.html"]
    if missing := [name for name in names if not (paths.html / name).is_file()]:
        raise build.BuildError(
            f"_build/html has no {missing[0]}: `make book` builds the book"
        )
    install()
    if not chosen:
        record(names, int(runs), paths)
        return f"{RECORD} is written. Commit it."
    for _ in measured(names, int(runs), paths.html):
        pass
    return "The record, which is of all pages, stays as it was."


if __name__ == "__main__":
    sys.exit(build.status(work, "what is measured is kept"))
