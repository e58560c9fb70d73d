"""The editor of a cell: CodeMirror, from npm, as one module, with its licences."""

from __future__ import annotations

import json
import re
from pathlib import Path

from book._ext.live import kept_parts
from book._ext.live.kept_parts import ROOT
from book._ext.source import node

SCRIPTS = ROOT / "book/_live"
EDITOR = SCRIPTS / "editor.js"


def editor() -> Path:
    """Return the folder with the editor as one module, and its licences."""
    inputs = (ROOT / "package-lock.json", EDITOR, Path(__file__))
    return kept_parts.made(
        "editor", [path.read_bytes() for path in inputs], make_editor
    )


def make_editor(target: Path) -> None:
    """Bundle CodeMirror."""
    command = [
        str(ROOT / "node_modules/.bin/esbuild"),
        str(EDITOR),
        "--bundle",
        "--minify",
        "--format=esm",
        "--target=es2020",
        "--legal-comments=none",
        "--log-level=warning",
        f"--outfile={target / 'editor.js'}",
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
    (target / "licenses/codemirror.txt").write_text("\n\n---\n\n".join(texts), "utf-8")
