"""The claims ledger: every entry has its page, its records and a test of values."""

import pytest

from book._ext.evidence import claims, value_assertions
from tests.support.paths import ROOT


def test_the_ledger_names_no_page_record_or_claim_that_does_not_exist():
    assert claims.faults(ROOT) == []


def test_the_test_of_a_claim_asserts_values():
    entered = claims.read(ROOT)
    assert entered
    without = [
        claim.name
        for claim in entered
        if not value_assertions.asserts_values(ROOT, claim.path, claim.test)
    ]
    assert without == []


def test_no_claim_has_two_texts():
    texts = {claim.name: claim.text for claim in claims.read(ROOT)}
    assert [c for c in claims.read(ROOT) if texts[c.name] != c.text] == []


DOCSTRING = '''"""The lower end of the interval
    with 0.

    More.
    """'''
ENTRY = f"""
import pytest

@pytest.mark.claim("far", "Far words count.", records="one")
@pytest.mark.parametrize("k", [1])
def test_far(k):
    {DOCSTRING}
"""


@pytest.fixture
def repository(tmp_path):
    """A repository with one claim, its page and its record."""
    for folder in ("tests/chapters", "book/01-a", "results"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tests/chapters/test_a.py").write_text(ENTRY)
    (tmp_path / "book/01-a/page.md").write_text(
        "# A\n\n(claim-far)=\nFar words count.\n"
    )
    (tmp_path / "results/one.json").write_text('{"seed": [0, 2]}')
    return tmp_path


def test_a_claim_is_read_with_its_page_and_seeds(repository):
    (found,) = claims.read(repository)
    assert found == claims.Claim(
        "far",
        "Far words count.",
        ("one",),
        "The lower end of the interval with 0.",
        "tests/chapters/test_a.py",
        "test_far",
    )
    assert claims.pages(repository) == {"far": "book/01-a/page"}
    assert claims.seeds(repository, "one") == [0, 2]
    assert claims.faults(repository) == []


@pytest.mark.parametrize(
    ("path", "before", "after", "said"),
    [
        ("tests/chapters/test_a.py", '"far"', '"near"', "label (claim-near)="),
        ("tests/chapters/test_a.py", '"far"', '"near"', "(claim-far)= has no test"),
        ("tests/chapters/test_a.py", '"one"', '"two"', "there is no record two"),
        ("tests/chapters/test_a.py", DOCSTRING, "pass", "must say what is compared"),
        ("book/01-a/page.md", "far)=", "far-words)=", "no page has the label"),
    ],
)
def test_a_fault_of_the_ledger_is_named(repository, path, before, after, said):
    file = repository / path
    file.write_text(file.read_text().replace(before, after))
    assert any(said in fault for fault in claims.faults(repository))


def test_an_unknown_argument_is_named(repository):
    with pytest.raises(ValueError, match="the claim far has no record"):
        claims.of_file(ENTRY.replace("records=", "record="), "tests/chapters/test_a.py")
