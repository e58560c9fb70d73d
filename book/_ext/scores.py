"""Lighthouse's scores of every page, as `make scores` records them in results/lighthouse.json.

Each page of the built site is opened as on a mid-range telephone with a slow line (Lighthouse's own
settings for mobile), served from this machine, gzipped as hosts do. A page's scores are the medians
of three runs; RUNS=1 in the environment takes one, PAGES="book/intro book/notation" some pages.
What an interrupted run had measured is kept, and the next goes on from there.
"""

from __future__ import annotations

import datetime
import gzip
import http.server
import json
import mimetypes
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from functools import cache, partial
from pathlib import Path
from typing import Any

import build
import chromium
import serve

from unrolled import files, records

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build/html"
LIGHTHOUSE = ROOT / "tests/lighthouse"
RECORD = ROOT / "results/lighthouse.json"
HALF_DONE = ROOT / "_build/lighthouse.json"
SCORES = ("performance", "accessibility", "best-practices", "seo")
PRESSED = ("text/", "application/javascript", "application/json", "image/svg+xml")


@cache
def pressed(path: Path) -> bytes:
    """Return a file as a host sends it that compresses text."""
    return gzip.compress(path.read_bytes(), 6, mtime=0)


class Host(serve.Quiet):
    """Serve text gzipped over connections that stay open, as hosts do."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802
        """Answer with the file, gzipped if it is text."""
        path = Path(self.translate_path(self.path))
        kind = mimetypes.guess_type(path.name)[0] or ""
        if not path.is_file():
            return super().do_GET()
        body = pressed(path) if kind.startswith(PRESSED) else path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if "text" in kind else kind)
        if kind.startswith(PRESSED):
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(body)


def pages() -> list[str]:
    """Return the pages that are scored: all but those that show source files, or those of PAGES."""
    if chosen := os.environ.get("PAGES"):
        return [f"{name.removesuffix('.html')}.html" for name in chosen.split()]
    found = sorted(path.relative_to(HTML).as_posix() for path in HTML.glob("book/**/*.html"))
    return [*found, "search.html"]


def report(address: str) -> dict[str, Any]:
    """Run Lighthouse once on a page; return its report."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = " ".join(["--headless=new", *chromium.FLAGS, *["--no-sandbox"] * root])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "report.json")
        command = [build.script("node"), str(LIGHTHOUSE / "node_modules/lighthouse/cli/index.js"),
                   address, "--quiet", f"--chrome-flags={flags}", "--output=json",
                   f"--output-path={out}"]  # fmt: skip
        environment = os.environ | build.node_path()
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
        name: statistics.median(round(100 * r["categories"][name]["score"]) for r in reports)
        for name in SCORES
    }
    weights = [r["audits"]["total-byte-weight"]["numericValue"] for r in reports]
    return found | {"bytes": statistics.median(weights)}


def measure(runs: int) -> None:
    """Score the pages that are not scored yet and write the record; say the scores as they come."""
    if not (HTML / "index.html").is_file():
        raise build.BuildError("The book is not built yet: `make book` builds it")
    build.npm_packages(LIGHTHOUSE)
    known: dict[str, dict[str, float]] = {}
    if HALF_DONE.is_file():
        known = json.loads(HALF_DONE.read_text("utf-8"))
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Host, directory=str(HTML))
    ) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{running.server_port}"
        for name in [name for name in pages() if name not in known]:
            reports = [report(f"{origin}/{name}") for _ in range(runs)]
            known[name] = scores(reports)
            files.write_whole(HALF_DONE, json.dumps(known))
            print(*(f"{known[name][score]:5.0f}" for score in SCORES), name, flush=True)
        running.shutdown()
    package = json.loads((LIGHTHOUSE / "package.json").read_text("utf-8"))
    record = {
        "date": datetime.date.today().isoformat(),
        "device": records.cpu(),
        "runs": runs,
        "versions": package["devDependencies"],
        "pages": known,
    }
    files.write_whole(RECORD, json.dumps(record, indent=1) + "\n")
    HALF_DONE.unlink()


def main() -> int:
    """Measure; return the exit status."""

    def work() -> str:
        runs = os.environ.get("RUNS", "3")
        if not runs.isdecimal() or int(runs) == 0:
            raise build.BuildError(f"RUNS={runs} is no number of runs")
        measure(int(runs))
        return f"{RECORD.relative_to(ROOT)} is written. Commit it."

    return build.status(work, "what is measured is kept")


if __name__ == "__main__":
    sys.exit(main())
