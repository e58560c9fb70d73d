"""`make scores`: what it serves, what it keeps of an interrupted run, and what it writes."""

import gzip
import json
import urllib.request

import pytest

from book._ext.build import build, serve
from book._ext.build.paths import Paths
from book._ext.metadata import scores


def report(*points, weight=1000):
    categories = {
        n: {"score": p / 100} for n, p in zip(scores.SCORES, points, strict=True)
    }
    audits = {"total-byte-weight": {"numericValue": weight}}
    return {"categories": categories, "audits": audits}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A built site of two pages and the search page, whose measurements are counted."""
    monkeypatch.delenv("RUNS", raising=False)
    monkeypatch.delenv("PAGES", raising=False)
    monkeypatch.setattr(scores, "install", lambda: None)
    paths = Paths(tmp_path)
    (paths.html / "book").mkdir(parents=True)
    (tmp_path / "results").mkdir()
    for name in ("book/one.html", "book/two.html", "search.html"):
        (paths.html / name).write_text(f"<p>{name}</p>")
    opened = []

    def run(address):
        with urllib.request.urlopen(address) as answer:
            answer.read()
        opened.append(address.partition("/book/")[2] or "search.html")
        return report(90 + len(opened) % 3, 100, 100, 100)

    monkeypatch.setattr(scores, "report", run)
    return paths, opened


def test_a_score_is_the_median_of_the_runs():
    found = scores.scores(
        [
            report(98, 100, 100, 100),
            report(90, 90, 100, 91, weight=7),
            report(97, 100, 96, 90),
        ]
    )
    assert found == {
        "performance": 97,
        "accessibility": 100,
        "best-practices": 100,
        "seo": 91,
        "bytes": 1000,
    }


def test_text_is_served_gzipped_and_pictures_as_they_are(tmp_path):
    (tmp_path / "page.html").write_text("word " * 1000)
    (tmp_path / "picture.png").write_bytes(b"png" * 100)
    with serve.running(scores.host(tmp_path)) as address:
        for name in ("page.html", "picture.png"):
            asked = urllib.request.Request(
                f"{address}/{name}", headers={"Accept-Encoding": "gzip"}
            )
            with urllib.request.urlopen(asked) as answer:
                body, head = answer.read(), answer.headers
            assert head["Cache-Control"] == "max-age=600"
            packed = name == "page.html"
            assert (head["Content-Encoding"] == "gzip") == packed
            whole = (tmp_path / name).read_bytes()
            assert (gzip.decompress(body) if packed else body) == whole
            assert len(body) < 1000 or not packed
            # The gzipped page is sent in pieces.
            assert packed or int(head["Content-Length"]) == len(body)


def test_every_page_is_measured_three_times_and_recorded(site):
    paths, opened = site
    assert "is written" in scores.work(paths)
    assert opened == ["one.html"] * 3 + ["two.html"] * 3 + ["search.html"] * 3
    record = json.loads((paths.root / scores.RECORD).read_text())
    assert record["runs"] == 3 and record["versions"]["lighthouse"]
    assert {name: page["performance"] for name, page in record["pages"].items()} == {
        "book/one.html": 91,
        "book/two.html": 91,
        "search.html": 91,
    }
    assert not (paths.root / scores.HALF_DONE).exists()


@pytest.mark.slow
def test_an_interrupted_run_goes_on_but_measures_changed_pages_again(site, monkeypatch):
    paths, opened = site
    run = scores.report

    def interrupted(address):
        if address.endswith("search.html"):
            raise KeyboardInterrupt
        return run(address)

    monkeypatch.setattr(scores, "report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scores.work(paths)
    assert not (paths.root / scores.RECORD).exists()
    (paths.html / "book/one.html").write_text("another text")
    opened.clear()
    monkeypatch.setattr(scores, "report", run)
    scores.work(paths)
    assert opened == ["one.html"] * 3 + ["search.html"] * 3
    assert len(json.loads((paths.root / scores.RECORD).read_text())["pages"]) == 3


@pytest.mark.slow
def test_what_was_measured_with_fewer_runs_is_measured_again(site, monkeypatch):
    paths, opened = site
    monkeypatch.setenv("RUNS", "1")
    scores.work(paths)
    pages = json.loads((paths.root / scores.RECORD).read_text())["pages"]
    assert len(opened) == 3
    half = {
        n: {"of": scores.version(n, 1, paths.html), "scores": page}
        for n, page in pages.items()
    }
    (paths.root / scores.HALF_DONE).write_text(json.dumps(half))
    monkeypatch.setenv("RUNS", "3")
    opened.clear()
    scores.work(paths)
    assert len(opened) == 9


def test_some_pages_are_measured_and_the_record_stays(site, monkeypatch):
    paths, opened = site
    (paths.root / scores.RECORD).write_text("the record")
    monkeypatch.setenv("PAGES", "book/two search")
    monkeypatch.setenv("RUNS", "1")
    assert "stays as it was" in scores.work(paths)
    assert opened == ["two.html", "search.html"]
    assert (paths.root / scores.RECORD).read_text() == "the record"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RUNS", "none", "RUNS=none is no number of runs"),
        ("RUNS", "0", "RUNS=0 is no number of runs"),
        ("PAGES", "book/three", "has no book/three.html: `make book`"),
    ],
)
def test_a_wrong_wish_is_said_in_one_line(site, monkeypatch, name, value, message):
    paths, opened = site
    monkeypatch.setenv(name, value)
    with pytest.raises(build.BuildError, match=message):
        scores.work(paths)
    assert not opened
