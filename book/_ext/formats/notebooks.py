"""All notebooks as one download: executed, with the package and the recorded results they read.

The archive is laid out like the repository, so that the notebooks find each other, and the package
the results, as they do there. It is made at the end of each build of the site.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from book._ext.build import archives
from book._ext.source import drawn_cells

NAME = "unrolled-notebooks.zip"
FOLDER = "unrolled-notebooks"
README = """\
The notebooks of Unrolled, executed
===================================

book/               the chapters and the exercises, each a notebook with its outputs
code/unrolled/      the package that their cells import
results/            the recorded runs that some of them read
requirements.txt    the versions of everything that the book was executed with

To run them you need Python 3.11, 3.12 or 3.13. In this folder:

    python3 -m venv env
    env/bin/python -m pip install -e ".[lab]"
    env/bin/jupyter lab

(On Windows env\\Scripts in place of env/bin.) That installs NumPy, SciPy, Matplotlib, JupyterLab
and the package; it is enough for the cells that use no more. The rest takes

    env/bin/python -m pip install -e ".[corpus,lab,speed]"

which adds TensorFlow, Keras, PyTensor and JAX, some 3 GB. Parts 4 and 6 compute with them, and
every cell that calls text.corpus() reads the text in their documentation.

The corpus is the same, to the word, only under the versions that the book has. On Linux (x86-64)
with Python 3.11 the file requirements.txt installs these:

    env/bin/python -m pip install -r requirements.txt
    env/bin/python -m pip install --no-deps -e .

The code is under the BSD 3-Clause licence (LICENSE), the text and the figures under CC BY 4.0
(LICENSE-TEXT).
"""


def files(root: Path, executed: Path, pages: set[str]) -> dict[str, bytes | Path]:
    """Return what the archive holds, by name."""
    held: dict[str, bytes | Path] = {"README.txt": README.encode()}
    project = (drawn_cells.ROOT / "pyproject.toml").read_text("utf-8")
    held["pyproject.toml"] = project.replace('"README.md"', '"README.txt"').encode()
    held |= {name: drawn_cells.ROOT / name for name in ("LICENSE", "LICENSE-TEXT")}
    held["requirements.txt"] = (
        drawn_cells.ROOT / "envs/binder/frameworks/requirements.txt"
    )
    for folder in ("code/unrolled", "results"):
        held |= {
            path.relative_to(root).as_posix(): path
            for path in (root / folder).rglob("*")
            if path.suffix in (".py", ".txt", ".json", ".npz")
        }
    found = dict(texts(root, executed, pages))
    said = " ".join(text for name, text in found.items() if name.endswith(".ipynb"))
    for name, text in found.items():
        if name.endswith(".md") and f"{Path(name).name})" not in said:
            continue  # no notebook leads to it
        held[name] = linked_to_notebooks(name, text, found).encode()
    return {f"{FOLDER}/{name}": held[name] for name in sorted(held)}


def texts(root: Path, executed: Path, pages: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each page: its executed notebook, or its text if it has no cells."""
    for page in sorted(pages):
        source = root / f"{page}.md"
        if "{code-cell}" in source.read_text("utf-8"):
            yield f"{page}.ipynb", (executed / f"{page}.ipynb").read_text("utf-8")
        else:
            yield f"{page}.md", source.read_text("utf-8")


def linked_to_notebooks(name: str, text: str, known: dict[str, str]) -> str:
    """Return a page whose links to other pages lead to the notebooks that those have become."""

    def led(link: re.Match) -> str:
        target = f"{link[1]}.ipynb"
        found = (Path("/", name).parent / target).resolve().relative_to("/").as_posix()
        return f"]({target}" if found in known else link[0]

    def led_all(words: str) -> str:
        return re.sub(r"\]\(([^)\s:]+)\.md(?=[)#])", led, words)

    if name.endswith(".md"):
        return led_all(text)
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = [led_all(line) for line in cell["source"]]
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def offer(app: Any, exception: Exception | None) -> None:
    """Write the archive into the site."""
    if exception is None and app.builder.name == "html":
        root, out = Path(app.srcdir), Path(app.outdir)
        archives.write(
            out / "downloads" / NAME,
            files(root, out.parent / "jupyter_execute", app.env.found_docs),
        )


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("build-finished", offer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
