"""The Makefile, the locks, the workflows and the papers at the root of the repository."""

import json
import os
import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from book._ext.build import serve
from tests.support.makefile import fake_python, locked, make
from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
BUILT = {"_build", "node_modules"}
TEXT = {
    "",
    ".cfg",
    ".cff",
    ".css",
    ".js",
    ".json",
    ".lock",
    ".md",
    ".py",
    ".toml",
    ".txt",
    ".yml",
}


BOOK = "envs/book/requirements.lock"
LOCK = locked(ROOT / "requirements.lock")
BINDER = {
    name: locked(ROOT / f"envs/binder/{name}/requirements.txt")
    for name in ("numpy", "frameworks")
}


def verbs():
    return re.findall(
        r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE
    )


def test_make_alone_prints_every_verb():
    printed = re.findall(r"^  make ([a-z]+) +\w", make().stdout, re.MULTILINE)
    assert printed == verbs()
    expected = {
        "book",
        "serve",
        "test",
        "check",
        "draw",
        "bench",
        "mutants",
        "results",
        "clean",
    }
    assert expected <= set(printed)


def test_contributing_names_exactly_the_verbs_that_exist():
    table = re.findall(
        r"^\|(.*?)\|", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(re.findall(r"`make ([a-z]+)`", "".join(table))) == sorted(verbs())


@pytest.fixture
def checkout(tmp_path):
    """What decides whether an environment is made, and an environment that looks complete."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml", BOOK):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    fake_python(tmp_path / ".venv" / "bin" / "python", "exit 0")
    for stamp in re.findall(
        r"touch (\.venv/\S+)", make("-n", ".venv", folder=tmp_path).stdout
    ):
        (tmp_path / stamp).touch()
    return tmp_path


def steps(folder):
    commands = make("-n", ".venv", folder=folder).stdout
    return [
        word
        for word in ("venv --clear", "--require-hashes", "-e .")
        if word in commands
    ]


EVERYTHING = ["venv --clear", "--require-hashes", "-e ."]


def test_a_complete_environment_is_left_alone(checkout):
    assert steps(checkout) == []
    # as git does when it changes branches and back
    os.utime(checkout / BOOK)
    assert steps(checkout) == []


def test_an_interrupted_installation_is_made_again(checkout):
    for stamp in (checkout / ".venv").glob("locked-*"):
        stamp.unlink()
    assert steps(checkout) == EVERYTHING


def test_a_changed_lock_makes_the_environment_again(checkout):
    (checkout / BOOK).write_text("numpy==2.4.6\n")
    assert steps(checkout) == EVERYTHING


def test_what_only_tests_need_is_added_for_them(checkout):
    def added(target):
        commands = make("-n", target, folder=checkout).stdout
        return "--require-hashes -r requirements.lock" in commands

    assert not added("book") and added("check") and added("test")
    stamps = re.findall(
        r"touch (\.venv/with\S+)", make("-n", "check", folder=checkout).stdout
    )
    for stamp in stamps:
        (checkout / stamp).touch()
    assert stamps and not added("check")
    (checkout / "requirements.lock").write_text("pytest==9.0.0\n")
    assert added("check")


def test_the_book_has_the_versions_of_the_tests_and_fewer_packages():
    book = locked(ROOT / BOOK)
    assert all(LOCK[name] == pins for name, pins in book.items())
    assert not {"pytest", "ruff", "mypy", "playwright", "triton", "wgpu"} & set(book)
    assert {"jupyter-book", "tensorflow-cpu", "jax", "jupyterlab"} <= set(book)


def test_a_changed_project_file_installs_only_the_package_again(checkout):
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert steps(checkout) == ["-e ."]


def test_a_vanished_interpreter_makes_the_environment_again(checkout):
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    assert steps(checkout) == EVERYTHING


def test_a_moved_folder_makes_the_environment_again(checkout):
    moved = checkout.rename(checkout.with_name("moved"))
    assert steps(moved) == EVERYTHING


def installed_with(checkout, tmp_path, uv):
    """Makes the environment with a uv that is this script; returns the tools that installed."""
    for stamp in (checkout / ".venv").glob("locked-*"):
        stamp.unlink()
    log = checkout / "log"
    log.write_text("")
    if uv is not None:
        fake_python(tmp_path / "uv", f'echo "uv $*" >>{log}; {uv}')
    says = f'case "$*" in *--require-hashes*) echo "pip $*" >>{log};; esac'
    fake_python(checkout / ".venv/bin/python", says)
    python = fake_python(tmp_path / "python3.12", "exit 0")
    make(".venv", f"PYTHON={python}", f"UV={tmp_path}/uv", folder=checkout)
    assert list((checkout / ".venv").glob("locked-*"))
    lines = log.read_text().splitlines()
    for line in lines:
        assert "--only-binary :all: --no-deps --require-hashes" in line
    return [line.split()[0] for line in lines]


def test_uv_installs_where_it_is_found(checkout, tmp_path):
    assert installed_with(checkout, tmp_path, "exit 0") == ["uv"]


def test_pip_installs_without_uv_and_after_uv_has_failed(checkout, tmp_path):
    assert installed_with(checkout, tmp_path, "exit 1") == ["uv", "pip"]
    (tmp_path / "uv").unlink()
    assert installed_with(checkout, tmp_path, None) == ["pip"]


def only_error(folder, python):
    run = make("-n", ".venv", f"PYTHON={python}", folder=folder)
    lines = run.stderr.splitlines()
    assert run.returncode == 2 and run.stdout == "" and len(lines) == 1
    return lines[0]


def test_an_unsuitable_python_gets_one_clear_line(checkout, tmp_path):
    shutil.rmtree(checkout / ".venv")
    old = fake_python(tmp_path / "python3.9", "exit 1")
    error = only_error(checkout, old)
    assert f"needs Python 3.11, 3.12 or 3.13, which {old} is not" in error


def test_a_missing_venv_module_gets_one_clear_line(checkout, tmp_path):
    shutil.rmtree(checkout / ".venv")
    bare = fake_python(
        tmp_path / "python3.12", 'case "$2" in *ensurepip*) exit 1;; esac'
    )
    error = only_error(checkout, bare)
    assert f"{bare} lacks its venv module: install it" in error


def test_the_lock_covers_what_the_project_asks_for():
    asked = PROJECT["dependencies"] + sum(PROJECT["optional-dependencies"].values(), [])
    for requirement in map(Requirement, asked):
        versions = [version for version, _, _ in LOCK.get(requirement.name, [])]
        assert versions, f"{requirement.name} is not locked: make lock"
        assert all(v in requirement.specifier for v in versions), (
            f"{requirement}: {versions}"
        )


def test_the_corpus_has_one_version_everywhere():
    for name in ("numpy", "scipy", "matplotlib", "keras", "pytensor"):
        assert [marker for _, marker, _ in LOCK[name]] == [None], name
    # on Linux, the same without what only a GPU of NVIDIA's needs
    (everywhere,), (linux,) = LOCK["tensorflow"], LOCK["tensorflow-cpu"]
    assert everywhere[0] == linux[0]
    assert everywhere[1] == "sys_platform != 'linux'"
    assert linux[1] == "sys_platform == 'linux'"


@pytest.mark.parametrize(
    "path",
    [
        "requirements.lock",
        BOOK,
        *(f"envs/binder/{name}/requirements.txt" for name in BINDER),
    ],
)
def test_a_lock_holds_hashes_and_no_address(path):
    text = (ROOT / path).read_text("utf-8")
    packages = locked(ROOT / path)
    assert len(packages) > 100
    assert all(hashes for pins in packages.values() for _, _, hashes in pins)
    assert not re.search(r"://|@ |^-|/", re.sub(r"#.*", "", text), re.MULTILINE)


def test_the_npm_lock_holds_hashes_and_no_download_address():
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages and all("integrity" in package for package in packages.values())
    assert not any("resolved" in package for package in packages.values())


@pytest.mark.parametrize("name", BINDER)
def test_binder_is_in_step_with_the_lock(name):
    out_of_step = {
        package
        for package, pins in BINDER[name].items()
        if not all(
            any((version, hashes) == (v, h) for v, _, h in LOCK.get(package, []))
            for version, _, hashes in pins
        )
    }
    assert out_of_step == {"nbgitpuller"}, "make lock"


def test_the_environments_of_binder_have_what_their_pages_use():
    extras = PROJECT["optional-dependencies"]
    small = PROJECT["dependencies"] + extras["lab"] + ["ipykernel", "nbgitpuller"]
    large = extras["corpus"] + extras["speed"] + extras["kernels"]
    on_linux = {"sys_platform": "linux", "platform_machine": "x86_64"}
    small, large = (
        {
            r.name
            for r in map(Requirement, of)
            if not r.marker or r.marker.evaluate(on_linux)
        }
        for of in (small, large)
    )
    assert small <= BINDER["numpy"].keys() and not large & BINDER["numpy"].keys()
    assert small | large <= BINDER["frameworks"].keys()
    for package, pins in BINDER["numpy"].items():
        assert BINDER["frameworks"][package] == pins


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def loose_actions(text):
    """Returns the actions that are not pinned to a commit with its version beside it."""
    uses = re.findall(r"uses: *(.*)", text)
    return [
        use
        for use in uses
        if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)
    ]


def writers(workflow):
    """Returns {job: what it may write}; the whole workflow under the name None."""
    scopes = {None: workflow["permissions"]} | {
        name: job["permissions"]
        for name, job in workflow["jobs"].items()
        if "permissions" in job
    }
    return {
        name: {scope for scope, level in granted.items() if level == "write"}
        for name, granted in scopes.items()
        if "write" in granted.values()
    }


def test_actions_are_pinned():
    for path in WORKFLOWS:
        assert "uses:" in path.read_text("utf-8")
        assert loose_actions(path.read_text("utf-8")) == [], path.name


def test_a_loose_action_is_found():
    text = "- uses: actions/checkout@v5\n- uses: a/b@" + "0" * 40 + " # v1.2.3\n"
    assert loose_actions(text) == ["actions/checkout@v5"]


def test_workflows_may_write_only_what_they_must():
    granted = {
        path.stem: writers(yaml.safe_load(path.read_text("utf-8")))
        for path in WORKFLOWS
    }
    assert granted == {
        "ci": {
            "binder": {"contents"},
            "colab": {"contents"},
            "deploy": {"pages", "id-token"},
        },
        "release": {"attach": {"contents"}},
        "weekly": {"report": {"issues"}},
    }


def commands_without_a_verb(workflow):
    """Returns the commands of a workflow that are not `make` with verbs that exist."""
    runs = [
        step["run"].strip()
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    return [
        run
        for run in runs
        if not re.fullmatch(rf"make(?: (?:{'|'.join(verbs())}|[A-Z]+=[\w.-]+))+", run)
    ]


def test_every_command_of_a_workflow_is_a_verb():
    for path in WORKFLOWS:
        assert commands_without_a_verb(yaml.safe_load(path.read_text("utf-8"))) == []


def test_a_command_that_is_no_verb_is_found():
    bad = ["pip install uv", "make book && true", "make nothing", "make book\nrm x"]
    steps = [{"run": run} for run in [*bad, "make book PYTHON=python"]]
    assert commands_without_a_verb({"jobs": {"a": {"steps": steps}}}) == bad


def test_workflows_test_the_oldest_and_the_newest_python():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    newest = re.search(r"<= \((3), (\d+)\)", (ROOT / "Makefile").read_text("utf-8"))
    for path, job in (
        ("ci.yml", "test"),
        ("weekly.yml", "newest"),
        ("weekly.yml", "ranges"),
    ):
        workflow = yaml.safe_load(
            (ROOT / ".github" / "workflows" / path).read_text("utf-8")
        )
        versions = workflow["jobs"][job]["strategy"]["matrix"]["python"]
        assert versions == [oldest, ".".join(newest.groups())]


def test_every_lock_is_looked_up_weekly():
    weekly = (ROOT / ".github/workflows/weekly.yml").read_text("utf-8")
    assert " make audit" in weekly and " make links" in weekly
    commands = make("-n", "audit").stdout
    binder = (f"envs/binder/{name}/requirements.txt" for name in BINDER)
    for lock in ("requirements.lock", "envs/workflows/requirements.lock", *binder):
        assert f" {lock}" in commands
    assert "npm audit" in commands
    assert yaml.safe_load(weekly)["jobs"]["report"]["needs"] == [
        "newest",
        "ranges",
        "audit",
        "links",
        "cells",
    ]


def test_every_live_cell_is_run_weekly():
    weekly = (ROOT / ".github/workflows/weekly.yml").read_text("utf-8")
    assert "run: make cells" in weekly
    assert 'PAGES="all"' in make("-n", "cells").stdout
    assert 'PAGES="book/intro"' in make("-n", "cells", "PAGES=book/intro").stdout


BAD = {
    "an injection": ("workflows/ci.yml", "run: make book", "run: echo ${{ github.head_ref }}"),
    "an unknown key": ("workflows/weekly.yml", "timeout-minutes", "timeout-minuets"),
    "a form without a label": ("ISSUE_TEMPLATE/erratum.yml", "label:", "lable:"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("fault", [None, *BAD])
def test_lint_checks_the_workflows_and_the_forms(tmp_path, fault):
    """Runs what `make lint` runs, which makes the environment of the checkers if it is missing."""
    shutil.copytree(ROOT / ".github", tmp_path / "github")
    if fault:
        file, old, new = BAD[fault]
        path = tmp_path / "github" / file
        text = path.read_text("utf-8").replace("run: make test", "run: make book", 1)
        path.write_text(text.replace(old, new, 1))
        assert new in path.read_text("utf-8")
    done = make("workflows", f"FORMS={tmp_path}/github")
    assert (done.returncode == 0) == (fault is None), done.stdout + done.stderr


def written_files():
    for folder, below, files in os.walk(ROOT):
        below[:] = [
            b
            for b in below
            if b not in BUILT and (b[0] != "." or b in (".ci", ".github"))
        ]
        yield from (
            path for file in files if (path := Path(folder, file)).suffix in TEXT
        )


def test_the_public_address_stands_in_one_place():
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    address = re.sub(r"^https?://", "", config["repository"]["url"])
    here = [path for path in written_files() if address in path.read_text("utf-8")]
    assert here == [ROOT / "_config.yml"]


def test_links_of_the_papers_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md"):
        links = re.findall(r"\]\(([^)#]+)", (ROOT / name).read_text("utf-8"))
        assert links
        for link in links:
            assert (ROOT / link).is_file(), f"{name}: {link}"


def test_the_screenshot_is_small():
    assert (ROOT / "book" / "_static" / "screenshot.png").stat().st_size < 200_000


def test_the_citation_fits_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert (
        citation["cff-version"] == "1.2.0"
        and citation["authors"]
        and citation["message"]
    )
    assert Version(citation["version"]) == Version(PROJECT["version"])
    assert PROJECT["license"] in citation["license"]
    assert "repository-code" not in citation  # the address stands in _config.yml alone
    zenodo = json.loads((ROOT / ".zenodo.json").read_text("utf-8"))
    assert zenodo["title"] == citation["title"]
    assert zenodo["description"] == citation["abstract"]
    assert zenodo["keywords"] == citation["keywords"]
    assert zenodo["license"] == PROJECT["license"]
    assert zenodo["creators"] == citation["authors"]
    assert "version" not in zenodo  # Zenodo takes it from the tag


def test_the_container_for_development_is_made_with_a_verb():
    container = json.loads(
        (ROOT / ".devcontainer/devcontainer.json").read_text("utf-8")
    )
    assert container["postCreateCommand"].split() == ["make", "book"]
    assert "book" in verbs()
    # a Python that the Makefile takes, since the image has no other
    newest = re.search(r"<= \((3), (\d+)\)", (ROOT / "Makefile").read_text("utf-8"))
    assert container["image"].endswith(f"/python:{'.'.join(newest.groups())}")
    assert container["forwardPorts"] == [serve.port_of([])]
