"""Check a tag, and gather what its release attaches: `make release TAG=v1.2.3`.

The version is in pyproject.toml. A tag that does not fit it, or has no dated entry in CHANGELOG.md,
is refused before anything is built.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import yaml

from book._ext.build.build import BUILD, ROOT, BuildError, status
from book._ext.source import changelog

FOLDER = BUILD / "release"
# What is attached: made by `make pdf epub zip`, and the notebooks by every build.
FILES = (
    "forms/unrolled.pdf",
    "forms/unrolled.epub",
    "forms/unrolled-site.zip",
    "html/downloads/unrolled-notebooks.zip",
)


def notes(tag: str, root: Path = ROOT) -> str:
    """Return what CHANGELOG.md says of the release of a tag.

    Raises:
        BuildError: the tag, the version and the papers of the repository do not agree.
    """
    try:
        version = changelog.version(root)
        cited = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))["version"]
        known = {change.name: change for change in changelog.releases(root)}
    except ValueError as error:
        raise BuildError(str(error)) from None
    if tag != f"v{version}":
        raise BuildError(
            f"The tag is {tag!r}; pyproject.toml has {version}: v{version}"
        )
    if str(cited) != version:
        raise BuildError(f"CITATION.cff has the version {cited}, not {version}")
    if version not in known:
        raise BuildError(f"CHANGELOG.md has no entry '## {version} (day)'")
    if not known[version].text:
        raise BuildError(f"The entry of {version} in CHANGELOG.md is empty")
    return known[version].text + "\n"


def gather(tag: str, root: Path = ROOT, build: Path = BUILD) -> list[Path]:
    """Copy what is attached, and write the notes; return the copies.

    Raises:
        BuildError: a file is missing, or the tag does not fit.
    """
    said, folder = notes(tag, root), build / "release"
    missing = [name for name in FILES if not (build / name).is_file()]
    if missing:
        raise BuildError(f"Not made: {', '.join(missing)}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    copies = []
    for name in FILES:
        path = build / name
        copies.append(folder / f"{path.stem}-{tag}{path.suffix}")
        shutil.copy2(path, copies[-1])
    (folder / "notes.md").write_text(said, "utf-8")
    return copies


def main(arguments: list[str]) -> int:
    """Check a tag, or gather its files too; return the exit status."""
    if len(arguments) != 2 or arguments[0] not in ("check", "gather"):
        print("usage: make release TAG=v1.2.3", file=sys.stderr)
        return 2
    step, tag = arguments

    def work() -> str:
        if step == "check":
            notes(tag)
            return f"The tag {tag} fits the version."
        return f"{len(gather(tag))} files are in {FOLDER.relative_to(ROOT)}."

    return status(work, "nothing was released")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
