"""Serve the built book, at PORT if one is given; a taken port gets the next one."""

from __future__ import annotations

import http.server
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from book._ext.build.paths import HERE

PORTS = range(2**16)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files and print nothing for each."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


def server(
    folder: Path = HERE.html, port: int = 8000, handler: Callable[..., Quiet] = Quiet
) -> http.server.ThreadingHTTPServer:
    """Return a server of a folder on the first free port from `port` on (0: any free port)."""
    handler = partial(handler, directory=str(folder))
    candidates = PORTS[port : port + 100] if port else [0]
    for candidate in candidates:
        try:
            return http.server.ThreadingHTTPServer(("127.0.0.1", candidate), handler)
        except OSError:
            continue
    raise OSError(f"no port from {candidates[0]} to {candidates[-1]} is free")


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
        with server(folder, port) as running:
            address = f"http://127.0.0.1:{running.server_port}/"
            print(f"Unrolled is at {address} (Ctrl-C ends)", flush=True)
            running.serve_forever()
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
