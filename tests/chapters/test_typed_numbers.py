"""A number that a record holds is quoted from it: a page that types it by hand is named."""

import json
import re

import pytest

from tests.support.paths import ROOT

PAGES = sorted((ROOT / "book").rglob("*.md"))
QUOTED = re.compile(r"\{record(?:-origin)?\}[` ]+([\w/]+)")
# What is no prose: the header, fences, formulas, roles, code, addresses, versions of packages.
OTHER = re.compile(
    r"\A---\n.*?\n---\n|(?P<fence>`{3,}|:{3,}).*?\n(?P=fence)|\$\$.*?\$\$|\$[^$]*\$"
    r"|(?:\{[\w:-]+\})?`[^`]*`|\]\([^)]*\)|[A-Z]\w+ \d[\d.]*",
    re.DOTALL,
)
NUMBER = re.compile(r"(?<![\w.,-])\d+\.\d+(?![\w,.]*\w)")


def measured(value):
    """Yields the numbers in a record that are not whole."""
    if isinstance(value, float) and not value.is_integer():
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from measured(part)


def typed(page, root=ROOT):
    """Returns the numbers of three digits and more that a page types and its records have."""
    paths = [root / f"results/{name}.json" for name in set(QUOTED.findall(page))]
    values = [
        share
        for path in paths
        if path.is_file()
        for value in measured(json.loads(path.read_text("utf-8"))["results"])
        for share in (value, 100 * value)
    ]
    found = []
    for number in NUMBER.findall(OTHER.sub(" ", page)):
        decimals = len(number.partition(".")[2])
        if len(number.replace(".", "").lstrip("0")) >= 3:
            found += [number] * any(
                f"{value:.{decimals}f}" == number for value in values
            )
    return found


def test_no_page_types_a_number_that_it_could_quote():
    found = {
        page.relative_to(ROOT).as_posix(): typed(page.read_text("utf-8"))
        for page in PAGES
    }
    assert {page: numbers for page, numbers in found.items() if numbers} == {}


PAGE = """---
title: 95.31
---
It reaches {} on new text, {{record}}`one:results.perplexity:.2f` as recorded; see $95.31$ and
`95.31`, with NumPy 95.31, below.

```python
95.31
```
"""


@pytest.mark.parametrize(
    ("number", "found"),
    [("95.31", True), ("95.3", True), ("31.7", True), ("95.32", False), ("95", False)],
)
def test_a_typed_number_is_found(tmp_path, number, found):
    (tmp_path / "results").mkdir()
    results = {"perplexity": 95.3087, "runs": [{"share": 0.3169, "steps": 3}]}
    (tmp_path / "results/one.json").write_text(json.dumps({"results": results}))
    assert typed(PAGE.format(number), tmp_path) == [number] * found
