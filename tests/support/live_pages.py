"""The pages whose cells run in a browser, and which of them a test opens."""

import os

import pytest
import yaml

from tests.support.paths import ROOT


def chapters():
    """The pages of the table of contents that have code, without those of exercises."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    names = [toc["root"], *(chapter["file"] for chapter in chapters)]
    texts = {name: (ROOT / f"{name}.md").read_text("utf-8") for name in names}
    return [
        name
        for name, text in texts.items()
        if "{code-cell}" in text and not name.startswith("book/exercises/")
    ]


def chosen(few):
    """The pages that `PAGES` asks for, or else a few, each for any process of the tests."""
    asked = os.environ.get("PAGES")
    names = chapters() if asked == "all" else asked.split() if asked else few
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]
