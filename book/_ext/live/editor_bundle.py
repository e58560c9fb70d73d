"""The editor (CodeMirror) and the charts (Observable Plot), from npm, each as one module."""

from __future__ import annotations

import json
import re
from pathlib import Path

from book._ext.live import kept_parts
from book._ext.live.kept_parts import ROOT
from book._ext.source import node

SCRIPTS = ROOT / "book/_live"
EDITOR = SCRIPTS / "editor.js"
CHARTS = SCRIPTS / "charts/charts.js"
WITH_CHARTS = tuple(CHARTS.with_name(name) for name in ("labels.js", "sketches.js"))


def editor() -> Path:
    """Return the folder with the editor as one module, and its licences."""
    return _made(EDITOR, "codemirror.txt")


def charts() -> Path:
    """Return the folder with what draws charts as one module, and its licences."""
    return _made(CHARTS, "observable-plot.txt", WITH_CHARTS)


def _made(entry: Path, licences: str, others: tuple[Path, ...] = ()) -> Path:
    inputs = (ROOT / "package-lock.json", entry, *others, Path(__file__))
    return kept_parts.made(
        entry.stem,
        [path.read_bytes() for path in inputs],
        lambda target: make_module(entry, target, licences),
    )


def make_module(entry: Path, target: Path, licences: str) -> None:
    """Bundle a script with the packages that it imports, and join their licences."""
    command = [
        str(ROOT / "node_modules/.bin/esbuild"),
        str(entry),
        "--bundle",
        "--minify",
        "--format=esm",
        "--target=es2020",
        "--legal-comments=none",
        "--log-level=warning",
        f"--outfile={target / entry.name}",
        f"--metafile={target / 'meta.json'}",
    ]
    node.run(command)
    bundled = json.loads((target / "meta.json").read_text("utf-8"))["inputs"]
    packages = sorted(
        {
            m[1]
            for name in bundled
            if (m := re.search(r"node_modules/((?:@[^/]+/)?[^/]+)/", name))
        }
    )
    (target / "meta.json").unlink()
    (target / "licenses").mkdir()
    texts = [
        f"{name}\n\n{(ROOT / 'node_modules' / name / 'LICENSE').read_text('utf-8')}"
        for name in packages
    ]
    (target / "licenses" / licences).write_text("\n\n---\n\n".join(texts), "utf-8")
