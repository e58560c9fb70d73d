"""Where the repository is published: each way to find it, and a small book built with each."""

import re
import subprocess

import pytest

from book._ext.build import build
from book._ext.source import changes, repository
from tests.support.html_head import heads
from tests.support.paths import ROOT
from tests.support.seeded_book import HEADER, code, seed

FORK = {"GITHUB_REPOSITORY": "Someone/their-fork"}
PUBLIC = {
    "https://github.com/a/b": "https://github.com/a/b",
    "https://github.com/a/b.git/": "https://github.com/a/b",
    "https://a:secret@github.com/a/b.git": "https://github.com/a/b",
    "git@github.com:a/b.c.git": "https://github.com/a/b.c",
    "ssh://git@github.com:22/a/b.git": "https://github.com/a/b",
    "git@gitlab.com:group/below/b.git": "https://gitlab.com/group/below/b",
    "https://codeberg.org/a/b": "https://codeberg.org/a/b",
}
UNKNOWN = {
    "/somewhere/unrolled": "is a folder",
    "file:///somewhere/unrolled": "is a folder",
    "../unrolled": "is a folder",
    r"C:\books\unrolled": "is a folder",
    "git@example.org:a/b.git": "is on example.org",
    "https://github.com.example.org/a/b": "is on github.com.example.org",
    "https://github.com/a": "names no repository of github.com",
    "https://github.com/a/b/c": "names no repository of github.com",
}


@pytest.mark.parametrize("remote", PUBLIC)
def test_a_remote_has_the_address_that_a_browser_opens(remote):
    assert repository.public(remote) == PUBLIC[remote]


@pytest.mark.parametrize("remote", UNKNOWN)
def test_a_remote_without_a_known_address_says_why(remote):
    with pytest.raises(repository.Unknown, match=re.escape(UNKNOWN[remote])):
        repository.public(remote)


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


def with_origin(folder, remote):
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", remote)
    return folder


def test_the_workflow_counts_before_the_remote_and_the_remote_before_the_file(tmp_path):
    # after a repository is renamed, a clone still has the old name
    with_origin(tmp_path, "https://github.com/a/old-name")
    configured = "https://github.com/configured/book/"
    found = repository.find(tmp_path, configured, FORK)
    assert found.url == "https://github.com/Someone/their-fork"
    assert "GITHUB_REPOSITORY" in found.line
    found = repository.find(tmp_path, configured, {})
    assert found.url == "https://github.com/a/old-name"
    git(tmp_path, "remote", "remove", "origin")
    found = repository.find(tmp_path, configured, {})
    assert found.url == "https://github.com/configured/book"


PLACEHOLDER = f"https://github.com/{repository.PLACEHOLDER}/unrolled"


def undecided(root, environment=()):
    found = repository.find(root, PLACEHOLDER, dict(environment))
    assert found.url is None and "\n" not in found.line
    return found.line


def test_what_is_missing_is_named_in_one_line(tmp_path, monkeypatch):
    assert "this folder is not a git repository" in undecided(tmp_path)
    git(tmp_path, "init", "-q")
    assert "no remote called origin" in undecided(tmp_path)
    git(tmp_path, "remote", "add", "origin", "https://git.example.org/a/b")
    assert "the remote origin is on git.example.org" in undecided(tmp_path)
    inside = tmp_path / "unpacked"
    inside.mkdir()
    git(tmp_path, "remote", "set-url", "origin", "https://github.com/another/thing")
    assert "this folder is not a git repository" in undecided(inside)
    elsewhere = {"GITHUB_SERVER_URL": "https://github.example.org"} | FORK
    assert "is on github.example.org" in undecided(inside, elsewhere)
    assert "names no repository" in undecided(inside, {"GITHUB_REPOSITORY": "name"})
    monkeypatch.setenv("PATH", "")
    assert "git is not installed" in undecided(tmp_path)


def test_an_address_in_the_file_is_that_of_a_repository(tmp_path):
    found = repository.find(tmp_path, "https://github.com/a/b.git", {})
    assert found.url == "https://github.com/a/b"
    found = repository.find(tmp_path, "https://git.example.org/a/b/", {})
    assert found.url == "https://git.example.org/a/b"
    found = repository.find(tmp_path, "https://github.com/a", {})
    assert found.url is None
    assert "https://github.com/a in _config.yml names no repository" in found.line


def test_a_hook_of_another_repository_does_not_change_the_address(
    tmp_path, monkeypatch
):
    for name in ("here", "other"):
        (tmp_path / name).mkdir()
        with_origin(tmp_path / name, f"https://github.com/a/{name}")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    found = repository.find(tmp_path / "here", "", {})
    assert found.url == "https://github.com/a/here"


def test_the_site_has_the_address_that_github_pages_gives_it():
    pages = repository.pages_url
    assert pages("https://github.com/Some/Fork") == "https://some.github.io/Fork/"
    assert pages("https://github.com/Some/some.github.io") == "https://some.github.io/"
    assert pages("https://gitlab.com/some/fork") is None


def test_a_site_is_built_again_when_its_address_changes(tmp_path):
    (tmp_path / "_build").mkdir()
    git(tmp_path, "init", "-q")
    sources = changes.sources(tmp_path)
    changes.note_built(tmp_path, sources)
    assert changes.is_built(tmp_path, sources)
    git(tmp_path, "remote", "add", "origin", "https://github.com/a/b")
    assert not changes.is_built(tmp_path, sources)


# --- A small book built with each ---------------------------------------------------------------


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    build.npm_packages(ROOT)
    pages = {
        "good": f"{HEADER}# Good\n\nWords.\n\n{code('1 + 1')}",
        "deep": f"{HEADER}# Deep\n\nWords.\n\n{code('import sys')}"
        + code(
            "def model():\n    import keras\n    return keras", ":tags: [hide-input]\n"
        ),
    }
    return seed(tmp_path_factory.mktemp("published"), pages)


BINDER = (
    "https://mybinder.org/v2/gh/{name}/{environment}?urlpath=git-pull%3Frepo%3Dhttps%253A"
    "%252F%252Fgithub.com%252F{quoted}%26branch%3Dmain%26targetPath%3Dunrolled%26urlpath"
    "%3Dlab%252Ftree%252Funrolled%252Fbook%252F{page}.md"
)
COLAB = "https://colab.research.google.com/github/Someone/their-fork/blob/notebooks/"


def links(folder):
    """Every link to the repository, to Binder or to a published page, of the two pages."""
    found = set()
    for name in ("good", "deep"):
        text = (folder / f"_build/html/book/{name}.html").read_text("utf-8")
        found |= set(re.findall(r'https?://[^"<\s]*', text))
    hosts = r"github|gitlab|codeberg|mybinder|colab|OWNER"
    return {link for link in found if re.match(rf"https?://[^/]*({hosts})", link)}


@pytest.mark.slow
def test_a_fork_links_to_itself_and_to_nothing_else(book):
    assert build.run_sphinx(book, FORK) == []
    site = book / "_build/html"
    home = "https://someone.github.io/their-fork/"
    ours = (
        "https://github.com/Someone/their-fork",
        home,
        "https://mybinder.org/v2/gh/Someone/their-fork/",
        COLAB,
    )
    found = links(book)
    assert found and [link for link in found if not link.startswith(ours)] == []
    text = {
        name: (site / f"book/{name}.html").read_text("utf-8")
        for name in ("good", "deep")
    }
    for name, environment in (("good", "binder-numpy"), ("deep", "binder-frameworks")):
        there = BINDER.format(
            name="Someone/their-fork",
            quoted="Someone%252Ftheir-fork",
            environment=environment,
            page=name,
        )
        assert f'href="{there}"' in text[name]
        assert f'href="{COLAB}book/{name}.ipynb"' in text[name]
        source = f"https://github.com/Someone/their-fork/blob/main/book/{name}.md"
        assert f'href="{source}"' in text[name]
        assert heads(site)[f"book/{name}.html"].canonical == [f"{home}book/{name}.html"]
    assert f"{home}book/deep.html" in (site / "sitemap.xml").read_text("utf-8")
    assert "OWNER" not in "".join(text.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("remote", "host", "source"),
    [
        ("git@gitlab.com:a/b/c.git", "GitLab", "https://gitlab.com/a/b/c/-/blob/main"),
        (
            "https://codeberg.org/a/b",
            "Codeberg",
            "https://codeberg.org/a/b/src/branch/main",
        ),
        ("https://git.example.org/a/b", None, None),
    ],
)
def test_a_remote_elsewhere_gets_right_links_or_none(book, remote, host, source):
    git(book, "init", "-q")
    git(book, "config", "remote.origin.url", remote)
    assert build.run_sphinx(book) == []
    text = (book / "_build/html/book/good.html").read_text("utf-8")
    assert not {"mybinder", "colab.", "OWNER"} & set(
        re.findall(r"mybinder|colab\.|OWNER", text)
    )
    assert 'rel="canonical"' not in text
    assert not (book / "_build/html/sitemap.xml").exists()
    assert "github.io" not in (book / "_build/html/robots.txt").read_text("utf-8")
    assert [link for link in links(book) if not link.startswith(source or "-")] == []
    if host:
        assert f'href="{source}/book/good.md"' in text and f"Source on {host}" in text
    else:
        assert "example.org" not in text and "Source on" not in text
