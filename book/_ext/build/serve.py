"""Serve the built book, at PORT if one is given; a taken port gets the next one."""

from __future__ import annotations

import http.server
import sys
from functools import partial
from pathlib import Path

from book._ext.build.paths import HERE

PORTS = range(2**16)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files and print nothing for each."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


def server(
    folder: Path = HERE.html, port: int = 8000
) -> http.server.ThreadingHTTPServer:
    """Return a server of a folder on the first free port from `port` on (0: any free port)."""
    handler = partial(Quiet, directory=str(folder))
    candidates = PORTS[port : port + 100] if port else [0]
    for candidate in candidates:
        try:
            return http.server.ThreadingHTTPServer(("127.0.0.1", candidate), handler)
        except OSError:
            continue
    raise OSError(f"no port from {candidates[0]} to {candidates[-1]} is free")


def main(arguments: list[str], folder: Path = HERE.html) -> int:
    """Serve until interrupted; return the exit status."""
    if len(arguments) > 1 or not all(
        a.isdecimal() and int(a) in PORTS for a in arguments
    ):
        print(f"usage: serve.py [PORT], a number up to {PORTS[-1]}", file=sys.stderr)
        return 2
    if not (folder / "index.html").is_file():
        print("The book is not built yet: `make book` builds it", file=sys.stderr)
        return 1
    try:
        with server(folder, int(arguments[0]) if arguments else 8000) as running:
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
