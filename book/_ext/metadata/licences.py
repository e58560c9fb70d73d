"""What the site ships that others wrote, and under which licence: the texts, and a page's table.

Every file of the site's `_static` is one of ours or belongs to a part below;
tests/website/test_licences.py holds it to that.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book._ext.live.browser_python import licence_of

MIT = """\
{}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


class Part(NamedTuple):
    """Something of others': its name, licence and files, and where the licence's text is from.

    `text` is the name of an installed package, a line of copyright that the MIT licence follows, or
    nothing where another extension writes the file.
    """

    name: str
    licence: str
    slug: str
    files: tuple[str, ...]
    text: str = ""


BSD = "BSD 3-Clause"
# bundle.py makes them of the parts' styles and scripts, and ours
BOTH = ("book.css", "book.js")
PARTS = (
    Part(
        "PyData Sphinx Theme", BSD, "pydata-sphinx-theme", BOTH, "pydata_sphinx_theme"
    ),
    Part(
        "Bootstrap, in the theme's style",
        "MIT",
        "bootstrap",
        ("book.css",),
        "Copyright 2011-2024 The Bootstrap Authors",
    ),
    Part(
        "Font Awesome Free, in the theme's style, without its fonts",
        "MIT",
        "font-awesome",
        ("book.css",),
        "Copyright 2024 Fonticons, Inc.",
    ),
    Part("Sphinx Book Theme", BSD, "sphinx-book-theme", BOTH, "sphinx_book_theme"),
    Part(
        "Sphinx",
        "BSD 2-Clause",
        "sphinx",
        (
            *BOTH,
            "basic.css",
            "doctools.js",
            "documentation_options.js",
            "language_data.js",
            "searchtools.js",
            "sphinx_highlight.js",
            "file.png",
            "minus.png",
            "plus.png",
        ),
        "sphinx",
    ),
    Part("Pygments", "BSD 2-Clause", "pygments", ("book.css",), "pygments"),
    Part(
        "accessible-pygments",
        BSD,
        "accessible-pygments",
        ("book.css",),
        "accessible_pygments",
    ),
    Part(
        "sphinx-copybutton",
        "MIT",
        "sphinx-copybutton",
        (*BOTH, "copybutton_funcs.js", "copy-button.svg", "check-solid.svg"),
        "sphinx_copybutton",
    ),
    Part("clipboard.js", "MIT", "clipboard", ("book.js",), "Copyright Zeno Rocha"),
    Part(
        "sphinx-design",
        "MIT",
        "sphinx-design",
        ("book.css", "design-tabs.js"),
        "sphinx_design",
    ),
    Part("sphinx-exercise", "MIT", "sphinx-exercise", ("book.css",), "sphinx_exercise"),
    Part("sphinx-proof", BSD, "sphinx-proof", ("book.css",), "sphinx_proof"),
    Part("MyST-NB", BSD, "myst-nb", ("book.css",), "myst_nb"),
    Part("KaTeX", "MIT", "katex", ("book.css", "fonts/KaTeX_*")),
    Part("Source Serif 4", "OFL 1.1", "source-serif-4", ("fonts/source-serif-4-*",)),
    Part("Source Sans 3", "OFL 1.1", "source-sans-3", ("fonts/source-sans-3-*",)),
    Part("Source Code Pro", "OFL 1.1", "source-code-pro", ("fonts/source-code-pro-*",)),
    Part("CodeMirror", "MIT", "codemirror", ("live/editor-*",)),
    Part("Observable Plot", "ISC", "observable-plot", ("live/charts-*",)),
    Part("Pyodide", "MPL 2.0", "pyodide", ("live/python-*/pyodide*",)),
    Part("Python", "PSF 2.0", "cpython", ("live/python-*/python_stdlib.zip",)),
    Part("NumPy", BSD, "numpy-in-the-page", ("live/python-*/numpy-*.whl",)),
    Part(
        "Docstrings of six packages, the corpus of Part 2",
        f"{BSD}, Matplotlib's, Apache 2.0",
        "corpus-in-the-page",
        ("live/corpus-*/documents.json.gzip",),
    ),
)
OURS = (
    "gpu-*/*",
    "licenses/*",
    "live/scripts-*/*",
    "live/unrolled-*.whl",
    "live/files.json",
    "live/results-*/*",
)


def unclaimed(static: Path, ours: Path) -> list[str]:
    """Return the files of a site's `_static` that are not ours and belong to no part."""
    own = {path.relative_to(ours).as_posix() for path in ours.rglob("*")}
    known = [*OURS, *(pattern for part in PARTS for pattern in part.files)]
    names = (
        p.relative_to(static).as_posix()
        for p in sorted(static.rglob("*"))
        if p.is_file()
    )
    return [
        name
        for name in names
        if name not in own and not any(fnmatch(name, pattern) for pattern in known)
    ]


def write(app: Any, config: Any) -> None:
    """Put the texts that no other extension writes into the site."""
    folder = Path(app.outdir).parent / "assets/licenses"
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if part.text.startswith("Copyright"):
            (folder / f"{part.slug}.txt").write_text(MIT.format(part.text), "utf-8")
        elif part.text:
            text = licence_of(part.text)
            (folder / f"{part.slug}.txt").write_text(text, "utf-8")


class Licences(SphinxDirective):
    """`{licences}`: a list of the parts, each with its licence's text."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        up = "../" * self.env.docname.count("/")
        items = []
        for part in PARTS:
            link = nodes.reference(
                "",
                part.licence,
                refuri=f"{up}_static/licenses/{part.slug}.txt",
                internal=True,
            )
            line = nodes.paragraph("", "", nodes.Text(f"{part.name}: "), link)
            items.append(nodes.list_item("", line))
        return [nodes.bullet_list("", *items)]


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    # after theme_cleanup.py has emptied the folder
    app.connect("config-inited", write, priority=600)
    app.add_directive("licences", Licences)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
