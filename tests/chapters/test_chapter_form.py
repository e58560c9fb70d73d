"""Every chapter has what a page needs before it is built; what it lacks, one test says."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.paths import ROOT

PAGES = sorted(ROOT.glob("book/[0-9][0-9]-*/*.md"))
HEADER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
TITLE = re.compile(r"\A\s*(?:\([\w-]+\)=\n)+# \S")


def lacking(text, name, toc):
    """Returns what to write next for a page; None if nothing is missing.

    Args:
        text: of the page.
        name: its path from the repository's root, without the ending.
        toc: the text of _toc.yml.
    """
    header = HEADER.match(text)
    said = (header and yaml.safe_load(header[1])) or {}
    # A page without cells is no notebook, and needs no header of one.
    notebook = ("jupytext", "kernelspec") if "{code-cell}" in text else ()
    for key in ("description", *notebook):
        if key not in said:
            return f"give {name}.md the header of book/_ext/README.md: it has no {key}"
    if not TITLE.match(text[header.end() :]):
        return (
            f"write (ch-{Path(name).name})= and # Title under the header of {name}.md"
        )
    if not re.search(rf"^ *- file: {re.escape(name)}$", toc, re.MULTILINE):
        return f"name {name} in _toc.yml"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_chapter_has_its_header_its_title_and_its_place(page):
    name = page.relative_to(ROOT).with_suffix("").as_posix()
    found = lacking(
        page.read_text("utf-8"), name, (ROOT / "_toc.yml").read_text("utf-8")
    )
    assert found is None, found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_chapter_imports_nothing_that_the_build_does_not_offer(page):
    """Cells see the package and what is installed, not the folders beside the package."""
    found = re.findall(
        r"^ *(?:from|import) (?:experiments|tests|book)\b.*",
        page.read_text("utf-8"),
        re.MULTILINE,
    )
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_chapter_describes_its_figures(page):
    """What Matplotlib draws by itself, a page cannot draw again."""
    found = re.findall(
        r"^ *(?:from|import) (?:matplotlib\b.*|.*drawing\b.*\b(?:figures|style)\b.*)",
        page.read_text("utf-8"),
        re.MULTILINE,
    )
    assert found == []


def test_what_a_page_lacks_is_said_one_thing_after_the_other():
    header = "description: One.\njupytext: {}\nkernelspec: {}\n"
    toc = "  - file: book/01-a/page\n"
    title = "\n(ch-page)=\n# Page\n"
    cell = "\n```{code-cell} python3\n1\n```\n"
    for text, known, said in (
        ("# Page\n", toc, "it has no description"),
        (f"---\ndescription: One.\n---\n{title}", toc, None),
        (f"---\ndescription: One.\n---\n{title}{cell}", toc, "it has no jupytext"),
        (f"---\n{header}---\n# Page\n", toc, r"(ch-page)= and # Title"),
        (f"---\n{header}---\n{title}{cell}", toc + "-two\n", None),
        (f"---\n{header}---\n{title}", toc.replace("page", "pages"), "in _toc.yml"),
    ):
        found = lacking(text, "book/01-a/page", known)
        assert found is None if said is None else said in found
