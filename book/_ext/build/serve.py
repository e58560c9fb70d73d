"""Serve the built book, at PORT if one is given; a taken port gets the next one.

Every answer carries the policy that the pages carry as well. Every file must be asked for again
before it is shown again, since a build may have changed it, except one whose address names its
version.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from tornado import httpserver, web

from book._ext.build.paths import HERE
from book._ext.page import policy

PORTS = range(2**16)
IDLE = 60  # seconds after which a connection that asks for nothing is closed


class Protected(web.RequestHandler):
    """Answers with the policy."""

    def set_default_headers(self) -> None:
        """Send the policy, and forbid showing a kept copy unasked, with errors too."""
        self.set_header("Content-Security-Policy", policy.written(policy.SERVED))
        self.set_header("Cache-Control", "no-cache")


class Site(Protected, web.StaticFileHandler):
    """Answers with a file of the site, or with the index.html of a folder."""

    def parse_url_path(self, url_path: str) -> str:
        """Return the path of the file; no name has a NUL in it."""
        if "\0" in url_path:
            raise web.HTTPError(404)
        return super().parse_url_path(url_path)

    def get_content_type(self) -> str:
        """Return the type of the file; all our text is UTF-8."""
        kind = super().get_content_type()
        return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind

    def compute_etag(self) -> str:
        """Return what tells versions of the file apart. Tornado would keep the first."""
        found = os.stat(str(self.absolute_path))
        return f'"{found.st_mtime_ns:x}-{found.st_size:x}"'

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """Say in one line why a file cannot be read, and nothing of what is not there."""
        if not isinstance(error, web.HTTPError):
            print(f"{self.request.path}: {error}", file=sys.stderr)


def application(
    folder: Path,
    handler: type[web.StaticFileHandler] = Site,
    *added: tuple[Any, ...],
    **settings: Any,
) -> web.Application:
    """Return what answers for a folder, except at added addresses, and prints nothing."""
    where = {"path": str(folder), "default_filename": "index.html"}
    settings["log_function"] = lambda answered: None
    return web.Application([*added, ("/(.*)", handler, where)], **settings)


def listening(port: int) -> socket.socket:
    """Return a socket at the first free port from `port` on (0: any free port)."""
    candidates = PORTS[port : port + 100] if port else [0]
    for candidate in candidates:
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", candidate), backlog=128)
    raise OSError(f"no port from {candidates[0]} to {candidates[-1]} is free")


@contextlib.contextmanager
def running(answers: web.Application, port: int = 0) -> Iterator[str]:
    """Yield the address at which an application answers, in a thread of its own."""
    place = listening(port)
    place.setblocking(False)
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def answer() -> None:
        server = httpserver.HTTPServer(
            answers, idle_connection_timeout=IDLE, max_body_size=0
        )
        server.add_socket(place)
        end = asyncio.Event()
        begun.set_result((asyncio.get_running_loop(), end))
        await end.wait()
        server.stop()
        await server.close_all_connections()

    def run() -> None:
        try:
            asyncio.run(answer())
        except Exception as error:
            if begun.done():
                raise
            place.close()
            begun.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    loop, end = begun.result(timeout=10)
    try:
        yield f"http://127.0.0.1:{place.getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


def port_of(arguments: list[str]) -> int | None:
    """Return the port that a command's arguments name, 8000 if none, or None for other words."""
    match arguments:
        case []:
            return 8000
        case [port] if port.isdecimal() and int(port) in PORTS:
            return int(port)
    return None


def main(arguments: list[str], folder: Path = HERE.html) -> int:
    """Serve until interrupted; return the exit status."""
    port = port_of(arguments)
    if port is None:
        print(f"usage: serve.py [PORT], a number up to {PORTS[-1]}", file=sys.stderr)
        return 2
    if not (folder / "index.html").is_file():
        print("The book is not built yet: `make book` builds it", file=sys.stderr)
        return 1
    try:
        with running(application(folder), port) as address:
            print(f"Unrolled is at {address}/ (Ctrl-C ends)", flush=True)
            threading.Event().wait()
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
