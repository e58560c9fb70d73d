"""Formulas set by KaTeX when a page is written, so that it needs no script to show them.

One node process answers for all formulas that a process of Sphinx writes: each request and each
answer is a line of JSON.
sphinxcontrib-katex starts such a process as well, but offers no option that makes a mistake in a
formula an error or that asks for MathML alone (its issues 65 and 145).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from book._ext.source import node

LOG = logging.getLogger(__name__)

ANSWER = """\
const katex = require(process.argv[1]);
const lines = require("node:readline").createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const { latex, ...options } = JSON.parse(line);
  let answer;
  try {
    answer = { html: katex.renderToString(latex, options) };
  } catch (error) {
    answer = { error: error.message };
  }
  console.log(JSON.stringify(answer));
});
"""
OPTIONS = {"throwOnError": True, "strict": False, "trust": False}
MATHML = "http://www.w3.org/1998/Math/MathML"
ElementTree.register_namespace("", MATHML)
APPLIED = "\N{FUNCTION APPLICATION}"
SCRIPTS = {
    f"{{{MATHML}}}{name}"
    for name in ("msub", "msup", "msubsup", "munder", "mover", "munderover", "mfrac")
}


class Katex:
    """A node process that sets formulas; it starts with the first and ends with the build."""

    def __init__(self, script: Path) -> None:
        self.script = script
        self.process: subprocess.Popen[str] | None = None
        self.asked_by = 0

    def set(self, latex: str, **options: Any) -> dict[str, str]:
        """Return `html`, or `error`, of a formula."""
        if self.process is None or self.asked_by != os.getpid():
            # Sphinx writes pages in copies of its process, which would mix up their answers.
            self.asked_by = os.getpid()
            self.process = subprocess.Popen(
                [node.NODE, "-e", ANSWER, str(self.script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=node.environment(),
            )
        assert self.process.stdin is not None and self.process.stdout is not None
        request = json.dumps({"latex": latex, **OPTIONS, **options})
        self.process.stdin.write(f"{request}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self, *arguments: Any) -> None:
        """End the process, which does so when nothing more can come."""
        if self.process is not None:
            self.process.communicate()
            self.process = None

    def rendered(self, visitor: Any, formula: nodes.Element, display: bool) -> str:
        """Return a formula as HTML; a mistake in it is a warning that names its page."""
        builder = visitor.builder
        output = "mathml" if builder.name == "epub" else "htmlAndMathml"
        answer = self.set(formula.astext(), displayMode=display, output=output)
        if "error" in answer:
            page = builder.current_docname
            LOG.warning("formula: %s", answer["error"], location=page, type="katex")
        html = answer.get("html", "")
        return re.sub(r"<math\b.*?</math>", lambda m: sound(m[0]), html, flags=re.S)

    def visit_inline(self, visitor: Any, formula: nodes.Element) -> None:
        """Write a formula in a line."""
        visitor.body.append(visitor.starttag(formula, "span", "", CLASS="math"))
        visitor.body.append(self.rendered(visitor, formula, display=False) + "</span>")
        raise nodes.SkipNode

    def visit_block(self, visitor: Any, formula: nodes.Element) -> None:
        """Write a formula on a line of its own, with its number if it has one."""
        visitor.body.append(visitor.starttag(formula, "div", CLASS="math"))
        if formula["number"]:
            number = get_node_equation_number(visitor, formula)
            visitor.body.append(f'<span class="eqno">({number})')
            visitor.add_permalink_ref(formula, "Permalink to this equation")
            visitor.body.append("</span>")
        visitor.body.append(self.rendered(visitor, formula, display=True) + "</div>")
        raise nodes.SkipNode


def sound(formula: str) -> str:
    """Return MathML with three faults of KaTeX's repaired, which Firefox and epubcheck name.

    A script holds one element, and KaTeX ends \\max in a script with a second one that cannot be
    seen; an operator holds text alone; one column has no spaces between columns.
    """
    formula = formula.replace(' columnspacing=""', "")
    if APPLIED not in formula and "<mo" not in formula.replace("<mo>", ""):
        return formula
    math = ElementTree.fromstring(formula)
    for above in list(math.iter()):
        if above.tag == f"{{{MATHML}}}mo" and len(above):
            said = "".join(above.itertext())
            del above[:]
            above.text = said
        if above.tag in SCRIPTS:
            for child in [c for c in above if c.text == APPLIED]:
                above.remove(child)
    return ElementTree.tostring(math, "unicode", short_empty_elements=False)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    katex = Katex(Path(app.srcdir, "node_modules/katex/dist/katex.min.js"))
    app.add_html_math_renderer(
        "katex", (katex.visit_inline, None), (katex.visit_block, None)
    )
    # after the book's own style, which says what KaTeX leaves open
    app.add_css_file("katex/katex.min.css", priority=900)
    app.connect("build-finished", katex.end)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
