"""Build, serve, and build again whenever a source changes; open pages then load themselves again.

Sphinx and its extensions take seconds to load. So a process loads them once and waits; each build
is made by a copy of that process, and begins at once. Loading again is asked for by a server-sent
event, which a script of this server's own listens for: the site in _build/html knows nothing of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from tornado import iostream, web

from book._ext.build import build, command, serve
from book._ext.source import changes

SCRIPT = b'new EventSource("/_watch").onmessage = () => location.reload();\n'
TAG = b'<script defer src="/_watch.js"></script></head>'
INTERVAL = 0.2  # seconds between two looks at the sources
LATER = (  # what the extensions load only when a build begins
    "IPython.lib.pretty",
    "ipython_pygments_lexers",
    "jupyter_book.cli.main",
    "jupyter_book.sphinx",
    "myst_nb.sphinx_ext",
    "sphinx_design.extension",
    "sphinx_external_toc.collectors",
    "sphinx_multitoc_numbering",
    "sphinx.builders.html",
    "unrolled.records",
)
END = "the build ended with status "


class Page(serve.Site):
    """Answers with a file of the site; a page has the script that listens for new builds."""

    def set_default_headers(self) -> None:
        """Forbid the browser to keep what may be new in a moment."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def get_cache_time(self, *file: Any) -> int:
        """Return for how many seconds a browser may keep a file."""
        return 0

    @classmethod
    def get_content(
        cls, abspath: str, start: int | None = None, end: int | None = None
    ) -> Any:
        """Return what a file holds."""
        if not abspath.endswith(".html"):
            return super().get_content(abspath, start, end)
        return Path(abspath).read_bytes().replace(b"</head>", TAG, 1)[start:end]

    def get_content_size(self) -> int:
        """Return the size of what a file holds."""
        if not str(self.absolute_path).endswith(".html"):
            return super().get_content_size()
        return len(self.get_content(str(self.absolute_path)))


class Script(serve.Protected):
    """Answers with the script that listens for new builds."""

    def get(self) -> None:
        """Answer."""
        self.set_header("Content-Type", "text/javascript")
        self.finish(SCRIPT)


class Builds:
    """How often the pages have been built."""

    count = 0

    def announce(self) -> None:
        """Make the open pages load themselves again."""
        self.count += 1


class Events(serve.Protected):
    """Sends an event after each build until the page is closed."""

    is_open = True

    def initialize(self, builds: Builds) -> None:
        """Take what counts the builds."""
        self.builds = builds

    async def get(self) -> None:
        """Answer, for as long as the page is open."""
        told = self.builds.count
        self.set_header("Content-Type", "text/event-stream")
        with contextlib.suppress(iostream.StreamClosedError):
            await self.flush()
            while self.is_open:
                await asyncio.sleep(INTERVAL)
                if told < self.builds.count:
                    told = self.builds.count
                    self.write("data: built\n\n")
                    await self.flush()

    def on_connection_close(self) -> None:
        """Note that the page is closed."""
        self.is_open = False


def application(folder: Path, builds: Builds) -> web.Application:
    """Return what answers for the site and tells its pages of new builds."""
    added = [("/_watch", Events, {"builds": builds}), ("/_watch.js", Script)]
    return serve.application(folder, Page, *added)


# --- A process that has loaded everything ---------------------------------------------------------


def build_when_asked(root: Path) -> None:
    """Load what a build needs; then build, in a copy of this process, for each line that comes."""
    build.ROOT, build.BUILD = root, root / "_build"
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))["sphinx"]
    for name in (*config["config"]["extensions"], *LATER):
        importlib.import_module(name)
    extensions = importlib.import_module("book._ext")
    for part in extensions.PARTS:
        importlib.import_module(f"book._ext.{part}")
    gc.freeze()  # what is loaded need not be looked through again
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(build.main([], sphinx_here))
        _, status = os.waitpid(child, 0)
        print(f"{END}{os.waitstatus_to_exitcode(status)}", flush=True)


class Lines(io.TextIOBase):
    """A file that passes on what is written, line by line."""

    encoding = "utf-8"

    def __init__(self, show: Callable[[str], None]) -> None:
        self.show = show
        self.begun = ""

    def write(self, text: str) -> int:
        """Pass on the lines that end in this text."""
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            self.show(line)
        return len(text)


def sphinx_here(root: Path, lock: int | None = None) -> list[str]:
    """Run Jupyter Book in this process; return the lines that say what went wrong."""
    output = build.Output()
    lines = Lines(output.show)
    try:
        with contextlib.redirect_stdout(lines), contextlib.redirect_stderr(lines):
            command.run(build.arguments(root))
    except (RuntimeError, SystemExit):  # the lines above say why
        return output.problems or ["jupyter-book failed"]
    return []


class Builder:
    """The process that has loaded everything, started again when the machinery changes."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "book._ext.build.watch", "--builder", str(root)],
            cwd=root,
            env=os.environ | build.QUIET,
            text=True,
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def build(self) -> bool:
        """Build the book, print what the build says, and tell whether it succeeded."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith(END):
                return line == f"{END}0\n"
            print(line, end="", flush=True)
        return False

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def is_machinery(path: str) -> bool:
    """Tell whether a change of a file asks for loading everything again."""
    return path.endswith(".py") and "/tests/" not in path


def watch(root: Path, builds: Builds, rounds: float = float("inf")) -> None:
    """Build whenever a source has changed, that many times."""
    builder = Builder(root)
    known: changes.Files = {}
    try:
        while rounds > 0:
            found = changes.sources(root)
            if found == known:
                time.sleep(INTERVAL)
                continue
            changed = {path for path, _ in found.items() ^ known.items() if known}
            if any(map(is_machinery, changed)):
                builder.end()
                builder = Builder(root)
            known = found
            began = time.monotonic()
            if builder.build():
                builds.announce()
                print(f"Built in {time.monotonic() - began:.1f} s", flush=True)
            rounds -= 1
    finally:
        builder.end()


def main(arguments: list[str]) -> int:
    """Watch until interrupted; return the exit status."""
    port = serve.port_of(arguments)
    if port is None:
        print(
            f"usage: watch.py [PORT], a number up to {serve.PORTS[-1]}", file=sys.stderr
        )
        return 2
    builds = Builds()
    html = build.BUILD / "html"
    html.mkdir(parents=True, exist_ok=True)
    try:
        with serve.running(application(html, builds), port) as address:
            print(f"Unrolled will be at {address}/ (Ctrl-C ends)", flush=True)
            watch(build.ROOT, builds)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--builder"]:
        build_when_asked(Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
