"""The claims ledger: conclusions of the book, each with the test that fails if it is false.

A test enters a claim with `@pytest.mark.claim("NAME", "The claim in plain words.", records=…)`,
and the page has the label `(claim-NAME)=` above the paragraph that draws the conclusion. The test's
docstring says what is compared. Both are read as text: no test is imported.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import NamedTuple

TESTS = "tests/chapters"
LABEL = re.compile(r"^\(claim-([\w-]+)\)=$", re.MULTILINE)


class Claim(NamedTuple):
    """A conclusion and its test."""

    name: str
    text: str
    records: tuple[str, ...]  # empty: the numbers come from cells of the page
    compares: str
    path: str
    test: str


def read(root: Path) -> list[Claim]:
    """Return the claims that tests enter, in the order of the files."""
    return [
        claim
        for path in sorted((root / TESTS).rglob("test_*.py"))
        for claim in of_file(path.read_text("utf-8"), path.relative_to(root).as_posix())
    ]


def of_file(source: str, path: str) -> list[Claim]:
    """Return the claims of one file of tests."""
    return [
        _claim(mark, node, path)
        for node in ast.parse(source, path).body
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.claim"
    ]


def _claim(mark: ast.Call, test: ast.FunctionDef, path: str) -> Claim:
    name, text = map(ast.literal_eval, mark.args)
    given = {k.arg: ast.literal_eval(k.value) for k in mark.keywords}
    records = given.pop("records", ())
    if given:
        raise ValueError(
            f"{path}: the claim {name} has no {', '.join(map(str, given))}"
        )
    compares = (ast.get_docstring(test) or "").partition("\n\n")[0]
    return Claim(
        name,
        text,
        (records,) if isinstance(records, str) else tuple(records),
        " ".join(compares.split()),
        path,
        test.name,
    )


def pages(root: Path) -> dict[str, str]:
    """Return the page on which each claim stands, by the claim's name."""
    return {
        name: path.relative_to(root).with_suffix("").as_posix()
        for path in sorted((root / "book").glob("[0-9][0-9]-*/*.md"))
        for name in LABEL.findall(path.read_text("utf-8"))
    }


def seeds(root: Path, record: str) -> list[int]:
    """Return the seeds with which a record was made."""
    found = json.loads((root / f"results/{record}.json").read_text("utf-8"))["seed"]
    return found if isinstance(found, list) else [found]


def faults(root: Path) -> list[str]:
    """Return what is wrong with the ledger, a line for each fault."""
    entered, labelled = read(root), pages(root)
    found = [
        f"{claim.path}: {claim.name}: {fault}"
        for claim in entered
        for fault in _faults_of(claim, root, labelled)
    ]
    names = {claim.name for claim in entered}
    return found + [
        f'{page}: (claim-{name})= has no test marked @pytest.mark.claim("{name}", …)'
        for name, page in labelled.items()
        if name not in names
    ]


def _faults_of(claim: Claim, root: Path, labelled: dict[str, str]) -> list[str]:
    lost = [r for r in claim.records if not (root / f"results/{r}.json").is_file()]
    found = [
        *[f"no page has the label (claim-{claim.name})="]
        * (claim.name not in labelled),
        *[f"there is no record {record}" for record in lost],
        *["the docstring of its test must say what is compared"] * (not claim.compares),
    ]
    return found
