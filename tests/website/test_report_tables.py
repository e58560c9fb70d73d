"""The record of a run of the tests, and the tables that the book makes from it."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from docutils import nodes

from book._ext.build import build
from book._ext.evidence import suite_run
from book._ext.report import directive, measured, numbers, site
from book._ext.report import exercises as exercise_tables
from book._ext.report.book import Book
from tests.exercises.attempt import all_wrong_attempts
from tests.support.paths import ROOT
from tests.support.seeded_book import SEEDED, seed, write_evidence
from tests.support.shown_nodes import said
from unrolled import dependencies, exercises, records

slow = pytest.mark.slow

SUITE = """
import numpy as np
import pytest
from unrolled.gradients import gradcheck

@pytest.mark.parametrize("cell", ["lstm", "gru", "a@b]c"])
def test_cells(cell): pass

@pytest.mark.parametrize("at", [1, 2])
def test_fails(at): assert at == 1

def test_skipped(): pytest.skip("not here")

class TestGroup:
    def test_inside(self, record_property):
        record_property("damaged", {"what": "records", "same": 1, "refused": 2})

@pytest.mark.parametrize("cell,size", [("lstm", 3), ("lstm", 5)])
def test_gradient(cell, size):
    at = np.array([0.5 * size])
    gradcheck.check(lambda w: float((w**3).sum()), at, 3 * at**2)
    with pytest.raises(AssertionError):
        gradcheck.check(lambda w: float(w.sum()), at, 1.1 * np.ones(1))

def test_tries(tried):
    tried("a.b: c", {"x", "y"}, {"refused": 2})
    tried("a.b: d", {"x"}, {"refused": 1, "right": 1})

def test_framework(measured):
    measured("Keras", "loss", 3.14e-16, 1e-10)
    with pytest.raises(AssertionError, match="2.0e-10, at most 1e-10"):
        measured("Keras", "loss", 2e-10, 1e-10)
"""


def run(folder, *arguments, suite=SUITE):
    """Runs a small suite with the plugin; returns the status and what was recorded, if anything."""
    (folder / "checks").mkdir(exist_ok=True)
    (folder / "checks/test_small.py").write_text(suite)
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = checks\n")
    path = os.pathsep.join(map(str, [ROOT, ROOT / "code"]))
    plugins = [
        "tests.support.suite_recorder",
        "tests.support.side_by_side",
        "no:cacheprovider",
    ]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *(part for name in plugins for part in ("-p", name)),
    ]
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    recorded = folder / "_build/checks.json"
    return done, json.loads(recorded.read_text()) if recorded.is_file() else None


def check_what_was_found(record):
    assert (record["passed"], record["failed"], record["skipped"]) == (9, 1, 1)
    assert (
        record["whole"]
        and record["commit"] == "unknown"
        and record["versions"]["numpy"]
    )
    tests = record["tests"]["checks/test_small.py"]
    assert tests["test_cells"] == 3 and tests["TestGroup::test_inside"] == 1
    assert (
        tests["test_fails"]["failed"] == ["[2]"] and tests["test_fails"]["passed"] == 1
    )
    assert tests["test_skipped"]["skipped"] == [""]
    assert record["tried"] == {
        "functions": 1,
        "arguments": 2,
        "found": {"refused": 3, "right": 1},
    }
    assert record["damaged"] == [{"what": "records", "same": 1, "refused": 2}]
    gradient, framework = sorted(
        record["measured"], key=lambda entry: entry["against"] == "Keras"
    )
    assert (
        gradient["case"] == "lstm"
        and gradient["times"] == 2
        and gradient["bound"] == 1e-7
    )
    assert 0 < gradient["found"] < 1e-7
    assert framework["found"] == 2e-10 and framework["bound"] == 1e-10


@slow
@pytest.mark.xdist_group("recorded-run")
def test_a_whole_run_is_recorded_and_neither_a_part_nor_an_interruption_replaces_it(
    tmp_path,
):
    done, record = run(tmp_path)
    assert done.returncode == 1 and "This run is recorded in" in done.stdout
    check_what_was_found(record)
    before = (tmp_path / "_build/checks.json").read_bytes()
    for arguments in (["-k", "cells"], ["checks/test_small.py::test_skipped"], ["-x"]):
        run(tmp_path, *arguments)
        assert (tmp_path / "_build/checks.json").read_bytes() == before
    done, _ = run(
        tmp_path, suite=SUITE + "\ndef test_last(): raise KeyboardInterrupt\n"
    )
    assert done.returncode == 2
    assert (tmp_path / "_build/checks.json").read_bytes() == before
    run(tmp_path, "-k", "cells", "--record-run", str(tmp_path / "part.json"))
    part = json.loads((tmp_path / "part.json").read_text())
    assert not part["whole"] and part["passed"] == 3
    assert suite_run.load(tmp_path / "part.json") is None


@slow
@pytest.mark.xdist_group("recorded-run")
def test_processes_side_by_side_leave_one_record_and_keep_groups_together(tmp_path):
    grouped = SUITE.replace(
        "def test_skipped", "@pytest.mark.xdist_group('g-1')\ndef test_skipped"
    )
    done, record = run(tmp_path, "-v", "-n", "2", "--dist", "loadgroup", suite=grouped)
    assert done.returncode == 1, done.stdout
    check_what_was_found(record)
    ran = re.findall(r"\[(gw\d)\].* checks/\S*::(\w+)", done.stdout)
    workers = {
        name: {worker for worker, test in ran if test == name} for _, name in ran
    }
    (alone,) = workers.pop("test_skipped")
    assert set.union(*workers.values()) == {"gw0", "gw1"} - {alone}, done.stdout


# --- what is kept --------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit, and the record of a whole green run of it."""
    for folder in suite_run.FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("a = 1\n")
    (tmp_path / ".gitignore").write_text("_build/\n")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    record(tmp_path)
    return tmp_path


def record(root, **changes):
    """Writes the record of a run, with some of it changed."""
    found = (
        suite_run.state(root)._asdict()
        | {
            "whole": True,
            "passed": 3,
            "failed": 0,
            "skipped": 0,
            "date": "2026-11-20",
            "seconds": 60,
            "device": "a machine",
            "versions": {"python": "3.11.9"},
            "measured": [],
            "tests": {"tests/test_seeded.py": {"test_step": 2, "test_other": 1}},
        }
        | changes
    )
    (root / "_build").mkdir(exist_ok=True)
    (root / "_build/checks.json").write_text(json.dumps(found))
    return found


def test_a_green_run_of_this_commit_is_kept(repository, capsys):
    assert suite_run.main(repository) == 0
    kept = (repository / "results/checks.json").read_bytes()
    assert kept == (repository / "_build/checks.json").read_bytes()
    assert "3 tests passed at" in capsys.readouterr().out


FAILED = {"tests/test_a.py": {"test_b": {"passed": 0, "failed": ["[x]"]}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"whole": False}, "no run of the whole suite: `make test` makes one"),
        (
            {"tests": FAILED, "failed": 1},
            "failed 1 tests, first tests/test_a.py::test_b[x]",
        ),
        ({"commit": "0123456789ab"}, "was of commit 0123456789ab, and this is"),
        ({"changed": True}, "files that were not committed"),
        ({"hashes": {}}, "no run of the whole suite"),
        ({"hashes": {"book": "0"}}, "book, code, experiments, tests changed since"),
    ],
)
def test_what_is_not_kept_is_said_in_one_line(repository, capsys, changes, message):
    record(repository, **changes)
    assert suite_run.main(repository) == 1
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert not (repository / "results").exists()


def test_no_record_and_a_damaged_one_are_said(repository, capsys):
    for content in ("{", "[]", None):
        path = repository / "_build/checks.json"
        path.unlink() if content is None else path.write_text(content)
        assert suite_run.main(repository) == 1
        assert "`make test` makes one" in capsys.readouterr().err


def test_the_last_run_is_shown_unless_only_the_kept_one_is_fresh(repository):
    suite_run.main(repository)
    record(repository, date="2026-11-21")
    assert suite_run.shown(repository)["date"] == "2026-11-21"
    record(repository, date="2026-11-21", hashes={"book": "0"})
    assert suite_run.shown(repository)["date"] == "2026-11-20"
    (repository / "_build/checks.json").unlink()
    (repository / "results/checks.json").unlink()
    assert suite_run.shown(repository) is None


def test_a_change_in_a_folder_makes_the_run_stale(repository):
    kept = record(repository)
    assert suite_run.changed_since(kept, repository) == []
    (repository / "code/left.pyc").write_text("no source")
    assert suite_run.changed_since(kept, repository) == []
    (repository / "code/a.py").write_text("a = 2\n")
    assert suite_run.changed_since(kept, repository) == ["code"]


def test_the_kept_run_is_small():
    kept = ROOT / suite_run.KEPT
    assert not kept.exists() or kept.stat().st_size <= 200_000


# --- the tables ----------------------------------------------------------------------------------

MEASURED = [
    {
        "file": measured.THE_CELLS[0],
        "test": measured.THE_CELLS[1],
        "case": "lstm",
        "what": "gradient",
        "against": "central differences",
        "found": 4.1e-8,
        "bound": 1e-7,
        "times": 3,
    },
    {
        "file": "tests/test_seeded.py",
        "test": "test_step",
        "case": "",
        "what": "gradient",
        "against": "central differences",
        "found": 9e-9,
        "bound": 1e-7,
        "times": 1,
    },
    {
        "file": "tests/test_seeded.py",
        "test": "test_step",
        "case": "gru",
        "what": "loss",
        "against": "Keras",
        "found": 0.0,
        "bound": 1e-10,
        "times": 1,
    },
]


@pytest.fixture
def book(repository):
    """A book of one page with two equations, in the place of Sphinx's."""
    (repository / "tests/test_seeded.py").write_text(
        "def test_step(): assert abs(-1) == 1\ndef test_other(): assert abs(-2) == 2\n"
    )
    (repository / "code/unrolled/cells").mkdir(parents=True)
    (repository / "code/unrolled/cells/rnn.py").write_text("def step(): pass\n")
    (repository / "results").mkdir()
    write_evidence(
        repository,
        {"unrolled.cells.rnn.step": {f"{SEEDED}test_step"}},
        {f"{SEEDED}test_step": ["eq-a"], f"{SEEDED}test_other": ["eq-b"]},
    )
    page = {"eq-a": [], "eq-b": []}
    env = SimpleNamespace(
        titles=dict.fromkeys(
            ("book/page", "book/01-a/page"), nodes.title("", "A page")
        ),
        unrolled_equations={"book/page": page, "book/gone": {"eq-c": []}},
        unrolled_drawn={"book/page": {"unrolled.cells.rnn.step": []}},
        get_domain=lambda _: SimpleNamespace(resolve_xref=lambda *_: None),
    )
    builder = SimpleNamespace(get_relative_uri=lambda _, to: f"{to}.html")
    part = SimpleNamespace(caption="One", items=["book/01-a/page"])
    contents = SimpleNamespace(root=SimpleNamespace(subtrees=[part]))
    config = SimpleNamespace(root_doc="book/page", external_site_map=contents)
    app = SimpleNamespace(
        srcdir=str(repository), env=env, builder=builder, config=config
    )

    def shows(table, **changes):
        record(repository, **{"measured": MEASURED} | changes)
        return said(directive.TABLES[table](Book(app, "book/checked")))

    return shows


def test_a_run_shows_what_it_was_of_and_that_it_is_fresh(book):
    found = book("run", passed=2345)
    assert "tests | 2,345 passed, 0 failed, 0 skipped; 2 functions in 1 files" in found
    assert "versions | Python 3.11.9" in found and "device | a machine" in found
    assert (
        "since then | fresh, nothing in book/, code/, experiments/ and tests/ changed"
        in found
    )


def test_calls_with_wrong_arguments_are_counted_by_what_came_of_them(book):
    tried = {
        "functions": 300,
        "arguments": 1200,
        "found": {"refused": 9000, "wrong": 2},
    }
    shown = book("arguments", tried=tried)
    assert "9,002 calls of 300 functions" in shown and "one of 1,200 arguments" in shown
    assert "refused by an error that names an argument | 9,000" in shown
    assert "different numbers | 2" in shown and "not finite | 0" in shown
    assert "No run has called" in book("arguments")


def test_a_stale_run_says_what_has_changed(book, repository):
    now = suite_run.hashes(repository)
    assert "stale, tests/ changed" in book("run", hashes=now | {"tests": "0"})
    assert "stale, book/ and code/ changed" in book(
        "run", hashes=now | {"book": "", "code": "0"}
    )


def test_what_tools_put_beside_the_sources_makes_no_run_stale(repository):
    before = suite_run.hashes(repository)
    for name in ("tests/node_modules/a/b.js", "book/.ipynb_checkpoints/c.md"):
        (repository / name).parent.mkdir(parents=True)
        (repository / name).write_text("made", "utf-8")
    assert suite_run.hashes(repository) == before
    (repository / "tests/b.js").write_text("written", "utf-8")
    assert [f for f in before if suite_run.hashes(repository)[f] != before[f]] == [
        "tests"
    ]


def test_a_failed_run_names_its_failures(book):
    assert "tests/test_a.py::test_b[x]" in book("run", tests=FAILED)


def test_an_equation_has_the_worst_outcome_of_its_tests(book):
    found = book("equations")
    assert "2 of 2 equations passed" in found and "eq-c" not in found
    assert "The tests of 1 were not seen to execute code" in found
    assert "eq-a | test_step | passed\neq-b | test_other | passed" in found
    tests = {"test_step": {"passed": 1, "failed": ["[x]"]}}
    found = book("equations", tests={"tests/test_seeded.py": tests})
    assert "0 of 2 equations passed" in found
    assert "eq-a | test_step | failed\neq-b | test_other | not run" in found
    tests = {"test_step": {"passed": 0, "skipped": [""]}, "test_other": 1}
    found = book("equations", tests={"tests/test_seeded.py": tests})
    assert "1 of 2 equations" in found and "eq-a | test_step | skipped" in found


CLAIM = '''
import pytest

@pytest.mark.claim("far", "Far words count.", records="one")
def test_far():
    """The interval with 0."""
'''


def test_a_claim_is_shown_with_its_page_seeds_and_outcome(book, repository):
    assert "No claim is entered yet." in book("claims")
    (repository / "tests/chapters").mkdir()
    (repository / "tests/chapters/test_a.py").write_text(CLAIM)
    (repository / "book/01-a").mkdir()
    (repository / "book/01-a/page.md").write_text("(claim-far)=\nThey count.\n")
    (repository / "results/one.json").write_text('{"seed": [0, 2]}')
    found = book("claims", tests={"tests/chapters/test_a.py": {"test_far": 1}})
    assert "One: 1 of 1 claim" in found and "A page\n" in found
    assert "Far words count. | The interval with 0. | 0, 2 | test_far, passed" in found
    failed = {"test_far": {"passed": 0, "failed": [""]}}
    found = book("claims", tests={"tests/chapters/test_a.py": failed})
    assert "0 of 1 claim passed" in found and "test_far, failed" in found


def test_the_worst_outcome_is_that_of_several():
    order = ["failed", "not run", "skipped", "passed"]
    found = {
        "failed": suite_run.Found(1, ("a",)),
        "not run": suite_run.NOT_RUN,
        "skipped": suite_run.Found(0, (), ("a",)),
        "passed": suite_run.Found(2),
    }
    for k, word in enumerate(order):
        assert suite_run.outcome(found[one] for one in reversed(order[k:])) == word
    assert suite_run.outcome([]) == "not run"


def test_listings_have_the_outcome_of_their_tests(book, repository):
    assert "all | 1 | 1 | 1 | passed" in book("listings")
    found = book("listings", tests=FAILED)
    assert "all | 1 | 1 | 1 | not run" in found
    assert "Some tests did not pass of unrolled.cells.rnn.step (not run)." in found
    assert (
        "measured on 2026-11-28, commit 0123456789ab. Neither a listing nor a" in found
    )
    (repository / "tests/test_seeded.py").write_text(
        "def test_step(): assert abs(-1) == 3\n"
    )
    assert "Changed since, itself or a test of it: unrolled.cells.rnn.step." in book(
        "listings"
    )


def test_the_numbers_have_a_line_of_every_table_and_a_link_to_its_section(book):
    found = book("numbers").splitlines()
    assert len(found) == len(numbers.SECTIONS) + 1
    assert (
        "Equations | 2 of 2 equations passed all their tests in the last run." in found
    )
    assert "Frameworks | Comparisons within the bound in the last run: 1 of 1." in found
    assert "Records" not in found and "Claims | No claim is entered yet." in found
    others = {directive.TABLES[name] for name in ("numbers", "run")}
    assert {*numbers.SECTIONS.values()} == {*directive.TABLES.values()} - others
    page = (ROOT / f"book/reference/{PAGE}.md").read_text("utf-8")
    for heading, make in numbers.SECTIONS.items():
        name = next(name for name, of in directive.TABLES.items() if of is make)
        _, _, section = page.partition(f"\n## {heading}\n")
        assert f"```{{checked}} {name}\n" in section.partition("\n## ")[0], heading


@pytest.mark.parametrize("what", ["gradients", "frameworks"])
def test_one_error_above_its_bound_is_counted(book, what):
    worse = [e | {"found": 2 * e["bound"]} for e in MEASURED]
    assert book(what) != book(what, measured=worse)
    assert "bound in the last run: 0 of 1." in book("frameworks", measured=worse)


def test_gradients_and_frameworks_show_the_worst_beside_the_bound(book):
    found = book("gradients")
    assert (
        "lstm | 4.1 × 10⁻⁸ | 10⁻⁷" in found and "test_step | 9.0 × 10⁻⁹ | 10⁻⁷" in found
    )
    assert "4 checks in 2 tests" in found and "any entry is 4.1 × 10⁻⁸" in found
    assert "Keras | loss, 1 case | 0 | 10⁻¹⁰" in book("frameworks")
    broken = [MEASURED[0] | {"found": None}]
    assert "lstm | not a number | 10⁻⁷" in book("gradients", measured=broken)


def test_damaged_files_are_counted_by_kind(book):
    assert "No damaged file is in the recorded run" in book("damaged")
    entries = [
        {"what": "records", "same": 1, "refused": 499},
        {"what": "checkpoints", "same": 70, "refused": 930},
        {"what": "records", "same": 10, "refused": 4990},
    ]
    found = book("damaged", damaged=entries)
    assert "6,500 damaged files, none with other numbers." in found
    assert "records | 5,500 | 5,489 | 11" in found
    assert "checkpoints | 1,000 | 930 | 70" in found


def exercise_run(wrong=0, **changes):
    """What a run found of the exercises, when it was given so many wrong answers."""
    number = len(exercises.names())
    tests = {exercise_tables.SOLUTION: number, exercise_tables.WRONG: wrong} | changes
    return {
        exercise_tables.EXERCISES: tests,
        exercise_tables.IN_THE_PAGE[0]: {
            exercise_tables.IN_THE_PAGE[1]: len(exercises.PARTS)
        },
    }


def test_exercises_count_what_passed_of_what_there_is(book, repository):
    number = len(exercises.names())
    (repository / "tests/exercises").mkdir()
    (repository / "tests/exercises/bptt.py").write_text(
        "WRONG = {'radius_one': [Attempt('a', 'b', 'c'), Attempt('d')], 'clip_one_norm': [1]}\n"
    )
    found = book("exercises", tests=exercise_run(3) | {})
    assert f"all | {number} of {number} | 3 of 3" in found
    assert "bptt | 10 of 10 | 3 of 3 | 10 of 10" in found
    bad = {"passed": 2, "failed": ["[radius_one-a]"]}
    found = book("exercises", tests=exercise_run(**{exercise_tables.WRONG: bad}))
    assert "bptt | 10 of 10 | 2 of 3" in found and "gates | 13 of 13 | 0 of 0" in found
    found = book("exercises", tests=FAILED)
    assert "bptt | not run, of 10 | not run, of 3 | not run, of 10" in found
    # as many answers as now were not given
    assert "bptt | 10 of 10 | not run, of 3" in book(
        "exercises", tests=exercise_run(99)
    )


def test_the_wrong_answers_are_counted_as_the_tests_have_them():
    counted = [exercise_tables.wrong_answers(ROOT, part) for part in exercises.PARTS]
    assert sum(sum(of.values()) for of in counted) == len(all_wrong_attempts()) > 400


def test_faults_put_in_by_tests_are_counted(book):
    name = "test_a_planted_error_turns_named_tests_red"
    tests = {
        "tests/test_seeded.py": {name: {"passed": 4, "failed": ["[x]"]}, "test_step": 9}
    }
    found = book("planted", tests=tests)
    assert "tests/test_seeded.py | 5 | failed" in found and "all | 5" in found


def test_records_are_fresh_or_stale_and_none_of_a_gpu_is_said(
    book, repository, monkeypatch
):
    monkeypatch.setattr(records, "ROOT", repository)
    given = {
        "name": "a",
        "date": "2026-11-20",
        "commit": "0123456789abcdef",
        "seed": [0, 1],
        "device": {"name": "a card"},
        "versions": {},
        "data": {},
        "results": {},
        "code": {"experiments.a.RECORDS": "old"},
    }
    (repository / "results/gpu").mkdir(parents=True)
    (repository / "results/a.json").write_text(json.dumps(given))
    (repository / "results/checks.json").write_text("{}")
    found = book("records")
    assert "1 record, 1 stale. No record of a run on a GPU exists." in found
    assert (
        "a, experiments/a.py | 2026-11-20, commit 0123456789, seed 0, 1; a card | stale"
        in found
    )
    (repository / "experiments").mkdir(exist_ok=True)
    (repository / "experiments/a.py").write_text("RECORDS = {'gpu/b': len}\n")
    code = dependencies.read(repository).rests_on("gpu/b")
    fresh = given | {"name": "gpu/b", "code": code}
    (repository / "results/gpu/b.json").write_text(json.dumps(fresh))
    found = book("records")
    assert (
        "2 records, 1 stale." in found
        and "GPU" not in found
        and "; a card | fresh" in found
    )
    software = fresh | {"device": "llvmpipe (a software adapter, no GPU)"}
    (repository / "results/gpu/b.json").write_text(json.dumps(software))
    assert "No record of a run on a GPU exists." in book("records")


def test_the_sites_scores_are_shown_or_said_to_be_missing(book, repository):
    assert "not measured yet" in book("site")
    page = {"performance": 98, "accessibility": 100, "best-practices": 100, "seo": 100}
    pages = {
        "book/a.html": page | {"bytes": 123456},
        "book/b.html": page | {"performance": 95, "bytes": 200000},
    }
    (repository / "results/lighthouse.json").write_text(
        json.dumps(
            {
                "date": "2026-11-23",
                "device": "a machine",
                "runs": 3,
                "versions": {"lighthouse": "12"},
                "pages": pages,
            }
        )
    )
    found = book("site")
    assert "performance | 95 | 96.5" in found and "SEO | 100 | 100" in found
    assert (
        "Lighthouse, 2 pages, 2026-11-23, a machine; 3 runs of each page" in found
        and "200 KB at most" in found
    )
    assert "a.html | 98 | 100 | 100 | 100 | 123" in found


def test_the_times_of_knobs_are_shown_where_they_are_recorded(book, repository):
    assert "follows its knobs" not in book("site")
    quick, slow = (
        {"native": native, "knobs": {name: {"shown": {"median": shown}}}}
        for native, name, shown in ((20, "gain", 41), (400, "rate", 900))
    )
    quick["knobs"]["count"] = {"shown": {"median": 61}}
    about = {"date": "2026-12-01", "device": "Box", "moves": 5}
    kept = {
        **about,
        "versions": {"chromium": "140"},
        "pages": {"a": {"cell-1": quick, "cell-2": slow}},
    }
    (repository / "results/knob_times.json").write_text(json.dumps(kept))
    found = book("site")
    assert "with 2 knobs on the pages" in found
    assert "51 ms in the median and 61 ms at most" in found
    assert "5 moves in Chromium 140, 2026-12-01, Box" in found


def test_every_test_that_a_table_names_is_there():
    named = [
        measured.THE_CELLS,
        exercise_tables.IN_THE_PAGE,
        *site.OF_EVERY_PAGE.values(),
        (exercise_tables.EXERCISES, exercise_tables.SOLUTION),
        (exercise_tables.EXERCISES, exercise_tables.WRONG),
    ]
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        assert name in {getattr(node, "name", None) for node in tree.body}, path


def test_a_test_that_is_gone_is_no_link(repository):
    (repository / "tests/test_a.py").write_text("def test_b(): pass\n")
    builder = SimpleNamespace(get_relative_uri=lambda _, to: f"{to}.html")
    app = SimpleNamespace(srcdir=str(repository), builder=builder)
    shown = Book(app, "book/checked")
    assert shown.test("tests/test_a.py", "TestC::test_b")["refuri"].endswith(
        "test_a.html#test_b"
    )
    for path, name in (
        ("tests/test_a.py", "test_gone"),
        ("tests/test_gone.py", "test_b"),
    ):
        assert isinstance(shown.test(path, name), nodes.literal)


# --- the page ------------------------------------------------------------------------------------

PAGE = "how-this-book-is-checked"


@slow
@pytest.mark.xdist_group("checked-page")
def test_the_page_builds_without_a_record_and_again_when_there_is_one(tmp_path):
    build.npm_packages(ROOT)
    root = seed_with_page(tmp_path)
    assert build.run_sphinx(root) == []
    html = tmp_path / f"_build/html/book/{PAGE}.html"
    page = html.read_text("utf-8")
    assert (
        "No run of the whole suite is recorded yet" in page
        and "0 of 1 equation passed" in page
    )
    record(tmp_path)
    assert build.run_sphinx(root) == []
    page = html.read_text("utf-8")
    assert "1 of 1 equation passed" in page and "nothing in book/" in page
    assert re.search(r'href="page\.html#equation-eq-relative-error"[^>]*>\(1\)', page)
    assert 'href="../source/tests/test_seeded.html#test_step"' in page
    assert page.count("<caption") == page.count("<table") > 5 and "Table 1" not in page
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def seed_with_page(folder):
    text = (ROOT / f"book/reference/{PAGE}.md").read_text("utf-8")
    equation = "# Page\n\n$$\na = b\n$$ (eq-relative-error)\n"
    folder = seed(folder, {"page": equation, PAGE: text})
    step = f"{SEEDED}test_step"
    write_evidence(
        folder, {"unrolled.cells.rnn.step": {step}}, {step: ["eq-relative-error"]}
    )
    for name in ("witness_spread", "argument_checks"):
        shutil.copy(ROOT / f"results/{name}.json", folder / "results")
    return folder
