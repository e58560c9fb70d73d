"""Releases: the headings of CHANGELOG.md and of the corrections, the tag, what is attached."""

import datetime
import shutil

import pytest

from book._ext.build import release
from book._ext.build.build import BuildError
from book._ext.source import changelog
from tests.support.makefile import fake_python, make
from tests.support.paths import ROOT

DAY = datetime.date(2026, 12, 31)


@pytest.fixture
def papers(tmp_path):
    """The papers of a repository in which the version 1.2.0 can be released."""
    (tmp_path / "book/reference").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CITATION.cff").write_text("version: 1.2.0\n")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changes\n\nWords.\n\n## Unreleased\n\n- new\n\n"
        "## 1.2.0 (2026-12-31)\n\n- a chapter\n\n## 1.1.0 (2026-11-30)\n\n- old\n"
    )
    (tmp_path / changelog.CORRECTIONS).write_text(
        "# Corrections\n\n## The list\n\n### 2026-12-31: The LSTM\n\nA sign was wrong.\n\n"
        "## If you find an error\n\nWrite.\n"
    )
    return tmp_path


def test_the_papers_are_read_by_their_headings(papers):
    assert changelog.releases(papers) == [
        ("Unreleased", None, "- new"),
        ("1.2.0", DAY, "- a chapter"),
        ("1.1.0", datetime.date(2026, 11, 30), "- old"),
    ]
    assert changelog.corrections(papers) == [("The LSTM", DAY, "A sign was wrong.")]


@pytest.mark.parametrize(
    "file, old, new, says",
    [
        ("CHANGELOG.md", "1.2.0 (2026-12-31)", "next", "'next' in CHANGELOG.md is not"),
        ("CHANGELOG.md", "2026-12-31", "2026-12-32", "has no day like 2026-12-31"),
        (changelog.CORRECTIONS, ": The LSTM", "", "is not 'day: page'"),
        (changelog.CORRECTIONS, "2026-12-31", "soon", "'soon: The LSTM' has no day"),
    ],
)
def test_a_malformed_heading_is_named(papers, file, old, new, says):
    path = papers / file
    path.write_text(path.read_text("utf-8").replace(old, new, 1))
    with pytest.raises(changelog.MalformedError, match=says):
        changelog.releases(papers)
        changelog.corrections(papers)


def test_the_papers_of_this_repository_are_well_formed():
    version = changelog.version(ROOT)
    names = [change.name for change in changelog.releases(ROOT)]
    assert names[0] == changelog.UNRELEASED or names[0] == version
    days = [c.day for c in changelog.releases(ROOT) if c.day]
    assert days == sorted(days, reverse=True)
    days = [c.day for c in changelog.corrections(ROOT)]
    assert days == sorted(days, reverse=True)


def test_the_notes_of_a_release_are_its_entry(papers):
    assert release.notes("v1.2.0", papers) == "- a chapter\n"


@pytest.mark.parametrize(
    "tag, file, old, new, says",
    [
        ("v1.1.0", "CHANGELOG.md", "", "", "The tag is 'v1.1.0'; pyproject.toml has 1.2.0"),
        ("1.2.0", "CHANGELOG.md", "", "", "The tag is '1.2.0'"),
        ("", "CHANGELOG.md", "", "", "The tag is ''"),
        ("v1.2.0", "CITATION.cff", "1.2.0", "1.1.0", "CITATION.cff has the version 1.1.0"),
        ("v1.2.0", "CHANGELOG.md", "## 1.2.0", "## 1.3.0", "no entry '## 1.2.0 "),
        ("v1.2.0", "CHANGELOG.md", "- a chapter", "", "entry of 1.2.0 in CHANGELOG.md is empty"),
        ("v1.2.0", "CHANGELOG.md", "1.2.0 (", "1.2.0 on (", "'1.2.0 on (2026-12-31)' in"),
    ],
)  # fmt: skip
def test_a_tag_that_does_not_fit_is_refused(papers, tag, file, old, new, says):
    path = papers / file
    path.write_text(path.read_text("utf-8").replace(old, new, 1))
    with pytest.raises(BuildError) as error:
        release.notes(tag, papers)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_what_is_attached_carries_the_tag(papers):
    build = papers / "_build"
    with pytest.raises(BuildError, match="Not made: forms/unrolled.pdf, "):
        release.gather("v1.2.0", papers, build)
    for name in release.FILES:
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_text(name)
    (build / "release").mkdir()
    (build / "release/unrolled-v1.1.0.pdf").write_text("of an earlier release")
    release.gather("v1.2.0", papers, build)
    assert sorted(path.name for path in (build / "release").iterdir()) == [
        "notes.md",
        "unrolled-notebooks-v1.2.0.zip",
        "unrolled-site-v1.2.0.zip",
        "unrolled-v1.2.0.epub",
        "unrolled-v1.2.0.pdf",
    ]
    assert (build / "release/notes.md").read_text() == "- a chapter\n"


def test_the_command_says_why_in_one_line(capsys):
    assert release.main(["check", "v0.0.0"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert release.main([]) == 2 and "usage" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_attach_makes_a_missing_release_and_uploads_to_it(tmp_path, monkeypatch, there):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "_build/release").mkdir(parents=True)
    (tmp_path / "_build/release/notes.md").write_text("- a chapter\n")
    (tmp_path / "_build/release/unrolled-v1.2.0.pdf").write_text("")
    log = tmp_path / "log"
    view = 'case "$2" in view) exit 1;; esac' if not there else ""
    fake_python(tmp_path / "gh", f'for a; do printf "<%s>" "$a"; done >>{log}\n{view}')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("TAG", "v1.2.0; touch harm $(shell touch harm)")
    done = make("attach", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    said = log.read_text()
    assert said.startswith("<release><view><v1.2.0; touch harm $(shell touch harm)>")
    assert ("<create>" in said) != there
    assert "<--clobber><_build/release/unrolled-v1.2.0.pdf>" in said
    assert "notes.md" not in said.rpartition("<upload>")[2]
    assert not (tmp_path / "harm").exists()
