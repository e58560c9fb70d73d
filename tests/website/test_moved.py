"""Old addresses lead to where a page is now."""

import re
from types import SimpleNamespace

import pytest

from book._ext.page import moved


def project(folder, lines):
    (folder / "book").mkdir()
    (folder / moved.LIST).write_text(lines, "utf-8")
    (folder / "code/unrolled").mkdir(parents=True)
    (folder / "code/unrolled/new.py").write_text("")
    return SimpleNamespace(
        srcdir=str(folder),
        env=SimpleNamespace(found_docs={"book/a", "book/part/b"}),
        builder=SimpleNamespace(get_target_uri=lambda page: f"{page}.html"),
    )


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr(
        moved.LOG, "warning", lambda text, *of, **_: said.append(text % of)
    )
    return said


def test_an_old_page_leads_to_the_new_one(tmp_path, warnings):
    app = project(
        tmp_path,
        "# old new\nbook/b book/part/b\nsource/code/old source/code/unrolled/new\n",
    )
    found = {old: target for old, _, target in moved.pages(app)}
    assert found == {"book/b": "part/b.html", "source/code/old": "unrolled/new.html"}
    assert warnings == []


def test_a_page_that_is_still_there_and_one_that_is_not_are_named(tmp_path, warnings):
    app = project(tmp_path, "book/a book/part/b\nbook/c book/d\n")
    assert list(moved.pages(app)) == []
    assert warnings == [
        "book/moved.txt: book/a is still there",
        "book/moved.txt: there is no book/d",
    ]


@pytest.mark.parametrize("lines", ["book/a\n", "a b c\n", "a b\na c\n"])
def test_a_line_that_is_no_pair_is_named(tmp_path, lines):
    project(tmp_path, lines)
    with pytest.raises(ValueError, match=r"book/moved\.txt: .* is not one old page"):
        moved.moved(tmp_path)


@pytest.mark.site
@pytest.mark.slow
def test_every_old_address_of_the_site_leads_to_a_page(site):
    root = site.parents[1]
    assert len(moved.moved(root)) > 100
    for old, new in moved.moved(root).items():
        page = site / f"{old}.html"
        (target,) = re.findall(r'content="0; url=([^"]+)"', page.read_text("utf-8"))
        assert (page.parent / target).resolve() == site / f"{new}.html"
        assert (site / f"{new}.html").is_file()
