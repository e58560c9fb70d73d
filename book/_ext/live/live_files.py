"""All that a page loads to run its code, put into the site: Python, NumPy, the package, an editor.

The site loads nothing of it before a reader asks.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from book._ext.live import kept_corpus, wheels
from book._ext.live.browser_python import python
from book._ext.live.editor_bundle import EDITOR, SCRIPTS, charts, editor
from book._ext.live.kept_parts import ROOT, digest
from unrolled.drawing import palette


def package(modules: Iterable[Path], root: Path) -> bytes:
    """Return the wheel of those modules of the package that run in the page, with its texts."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    files = {
        path.relative_to(root / "code").as_posix(): path.read_bytes()
        for path in sorted([*modules, *(root / "code/unrolled").rglob("*.txt")])
    }
    return wheels.wheel(
        files, f"{project['name']}-{project['version']}", "py3-none-any"
    )


def results(target: Path, root: Path) -> dict[str, Any]:
    """Put the recorded results into the folder; return where they lie and what they are called."""
    kept = root / "results"
    found = {
        path.relative_to(kept).as_posix(): path.read_bytes()
        for path in sorted(kept.rglob("*"))
        if path.suffix in (".json", ".npz")
    }
    folder = f"results-{digest(*map(str.encode, found), *found.values())}"
    for name, data in found.items():
        (target / folder / name).parent.mkdir(parents=True, exist_ok=True)
        (target / folder / name).write_bytes(data)
    return {"folder": f"live/{folder}/", "names": list(found)}


def loads(python: Path, wheel: bytes, scripts: dict[str, bytes]) -> dict[str, int]:
    """Return how many bytes a page loads for Python, and how many of them are scripts."""
    sizes = {path.name: path.stat().st_size for path in python.iterdir()}
    ours = sum(len(text) for name, text in scripts.items() if name.endswith(".py"))
    return {
        "all": sum(sizes.values()) + len(wheel) + ours,
        "scripts": sum(n for name, n in sizes.items() if name.endswith(".js")),
    }


def shades() -> dict[str, tuple[str, str]]:
    """Return the light and the dark shade of each colour that a chart can name."""
    greys = {"grey": palette.GREY, "pale": palette.PALE, "ground": palette.GROUND}
    named = palette.COLOURS | greys | palette.ON_CELLS
    return {n: (light, palette.DARK.get(light, light)) for n, light in named.items()}


def install(
    target: Path, licenses: Path, modules: Iterable[Path], absent: dict, root: Path
) -> None:
    """Put everything into the site's folder, with files.json, which says what is where."""
    target.mkdir(parents=True, exist_ok=True)
    licenses.mkdir(parents=True, exist_ok=True)
    parts = {
        "python": python(),
        "editor": editor(),
        "charts": charts(),
        "corpus": kept_corpus.corpus(),
    }
    for part in parts.values():
        shutil.copytree(
            part, target / part.name, ignore=shutil.ignore_patterns("licenses")
        )
        shutil.copytree(part / "licenses", licenses, dirs_exist_ok=True)
    ours = package(modules, root)
    name = f"unrolled-{digest(ours)}.whl"
    (target / name).write_bytes(ours)
    scripts = {
        p.name: p.read_bytes() for p in sorted(SCRIPTS.glob("*.*")) if p != EDITOR
    }
    folder = f"scripts-{digest(*scripts.values())}"
    (target / folder).mkdir()
    for script, text in scripts.items():
        (target / folder / script).write_bytes(text)
    weight = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    described = {
        "python": f"live/{parts['python'].name}/",
        "editor": f"live/{parts['editor'].name}/editor.js",
        "charts": f"live/{parts['charts'].name}/charts.js",
        "palette": shades(),
        "package": f"live/{name}",
        "scripts": f"live/{folder}/",
        "results": results(target, root),
        "corpus": f"live/{parts['corpus'].name}/{kept_corpus.NAME}",
        "bytes": weight,
        "loads": loads(target / parts["python"].name, ours, scripts),
        "absent": absent,
    }
    (target / "files.json").write_text(json.dumps(described, indent=1), "utf-8")


def prepare() -> None:
    """Make what is not made yet; raise LiveError, in one line, if that cannot be."""
    python()
    editor()
    charts()
    kept_corpus.corpus()
