"""`make mutants`: what it changes, what it counts, and that every survivor has its sentence."""

import json
from collections import Counter
from types import SimpleNamespace

import pytest

from book._ext.report import mutants
from book._ext.report.book import Book
from tests.support import mutation
from tests.support.shown_nodes import said

TOY = """
def double(x):
    return x + x


def first(x):
    return x[0]
"""
PYPROJECT = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/toy/sums.py"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
"""
FOUND = {
    "unrolled.cells.rnn.x_step__mutmut_1": "killed",
    "unrolled.cells.rnn.x_step__mutmut_2": "timeout",
    "unrolled.cells.rnn.x_step__mutmut_3": "survived",
    "unrolled.cells.rnn.xǁCacheǁat__mutmut_1": "survived",
    "unrolled.data.text.x_words__mutmut_10": "no tests",
}
DIFFERENCES = {
    "unrolled.cells.rnn.x_step__mutmut_3": ("a + b", "a - b"),
    "unrolled.cells.rnn.xǁCacheǁat__mutmut_1": ("x = 1", "x = 2"),
    "unrolled.data.text.x_words__mutmut_10": ("y = 1", "y = 2"),
}
KNOWN = [
    {
        "function": "unrolled.cells.rnn.step",
        "before": "a + b",
        "after": "a - b",
        "sentence": "b is zero.",
        "equivalent": True,
    },
    {
        "function": "unrolled.cells.rnn.step",
        "before": "x = 1",
        "after": "x = 2",
        "sentence": "This is of another function.",
    },
    {
        "function": "unrolled.data.text.words",
        "before": "= 1",
        "after": "= 2",
        "sentence": "A part.",
    },
    {"before": "y =", "after": "y = 1 +", "sentence": "This is another change."},
    {"before": "y = 1", "after": "y = 2", "sentence": "Nothing reads y."},
]
RESULTS = {
    "functions": {
        "unrolled.cells.rnn.step": {"mutants": 3, "caught": 2, "equivalent": 1},
        "unrolled.cells.rnn.Cache.at": {"mutants": 1, "caught": 0, "equivalent": 0},
        "unrolled.data.text.words": {"mutants": 1, "caught": 0, "equivalent": 0},
    },
    "modules": {
        "unrolled.cells.rnn": {"mutants": 4, "caught": 2, "equivalent": 1},
        "unrolled.data.text": {"mutants": 1, "caught": 0, "equivalent": 0},
    },
    "survivors": [
        {
            "function": "unrolled.cells.rnn.step",
            "before": "a + b",
            "after": "a - b",
            "sentence": "b is zero.",
            "equivalent": True,
        },
        {
            "function": "unrolled.cells.rnn.Cache.at",
            "before": "x = 1",
            "after": "x = 2",
            "sentence": "",
            "equivalent": False,
        },
        {
            "function": "unrolled.data.text.words",
            "before": "y = 1",
            "after": "y = 2",
            "sentence": "Nothing reads y.",
            "equivalent": False,
        },
    ],
}


def test_no_survivor_is_recorded_without_a_sentence():
    path = mutation.ROOT / "results/mutation.json"
    survivors = json.loads(path.read_text("utf-8"))["results"]["survivors"]
    assert [s for s in survivors if not s["sentence"]] == []


def test_the_record_has_the_sentences_as_they_are_now():
    path = mutation.ROOT / "results/mutation.json"
    known = mutation.sentences()
    for s in json.loads(path.read_text("utf-8"))["results"]["survivors"]:
        entry = mutation.entry_of(known, s["function"], s["before"], s["after"])
        assert s["sentence"] == entry.get("sentence")
        assert s["equivalent"] == entry.get("equivalent", False)


def test_every_mutant_counts_for_its_function_and_its_module():
    assert mutation.report(FOUND, DIFFERENCES, KNOWN) == RESULTS


def test_an_entry_without_a_function_holds_for_one_place_of_a_line():
    rule = {"before": "f(-1", "after": "f(-2", "sentence": "The same."}
    line = "x.f(-1, 3), y.f(-1)"
    for after in ("x.f(-2, 3), y.f(-1)", "x.f(-1, 3), y.f(-2)"):
        assert mutation.entry_of([rule], "a.b", line, after) is rule
    for after in ("x.f(-2, 3), y.f(-2)", "x.f(-1, 3), y.g(-1)", line):
        assert mutation.entry_of([rule], "a.b", line, after) == {}


def test_a_sample_is_one_seeds_and_has_as_many_of_each_module():
    of_module = {"b": [f"b{i}" for i in range(30)], "a": ["a2", "a1"]}
    chosen = mutation.sample(of_module, 5, seed=3)
    assert (
        Counter(name[0] for name in chosen) == {"a": 2, "b": 5}
        and len(set(chosen)) == 7
    )
    backwards = {module: found[::-1] for module, found in reversed(of_module.items())}
    assert mutation.sample(backwards, 5, seed=3) == chosen
    assert mutation.sample(of_module, 5, seed=4) != chosen


@pytest.mark.slow
def test_a_change_that_a_test_sees_is_caught_and_another_survives(tmp_path):
    root = tmp_path / "tree"
    (root / "code/toy").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "code/toy/__init__.py").write_text("")
    (root / "code/toy/sums.py").write_text(TOY)
    (root / "pyproject.toml").write_text(PYPROJECT)
    test = "from toy import sums\n\ndef test_double(): assert sums.double(3) == 6\n"
    test += "\ndef test_first(): assert sums.first([4, 4]) == 4\n"
    (root / "tests/test_sums.py").write_text(test)
    found, differences = mutation.run(root, tmp_path / "work")
    survivor = "toy.sums.x_first__mutmut_1"
    assert found == {"toy.sums.x_double__mutmut_1": "killed", survivor: "survived"}
    assert differences == {survivor: ("return x[0]", "return x[1]")}
    assert (root / "code/toy/sums.py").read_text() == TOY


def shown(root):
    return said(mutants.the_mutants(Book(SimpleNamespace(srcdir=str(root)), "book/a")))


def test_the_page_shows_scores_and_survivors(tmp_path):
    (tmp_path / "results").mkdir()
    mutation.write(RESULTS, {"each": 25}, 7, tmp_path / "results/mutation.json")
    page = shown(tmp_path)
    assert "2 of 5 mutants were caught" in page and "1 of the others change" in page
    assert "the score is 50 %" in page and "seed 7" in page
    assert "\ncells.rnn | 4 | 2 | 1 | 66.6 %" in page
    assert "all | 5 | 2 | 1 | 50 %" in page
    assert "unrolled.cells.rnn.step | a + b | a - b | b is zero." in page
    assert "unrolled.cells.rnn.Cache.at | x = 1 | x = 2 | Not explained yet." in page


def test_the_page_says_that_there_is_no_record(tmp_path):
    assert "No mutants are recorded yet" in shown(tmp_path)


@pytest.mark.parametrize(
    ("counts", "percent"),
    [((400, 399, 0), "99.7 %"), ((3, 1, 2), "100 %"), ((2, 0, 2), "100 %")],
)
def test_only_a_whole_score_reads_100_percent(counts, percent):
    assert mutants.percent(dict(zip(mutants.COUNTS, counts, strict=True))) == percent
