"""The servers that tests start, each on a free port of this machine."""

import contextlib
import http.server
import threading

from book._ext.build import serve


@contextlib.contextmanager
def answering(handler):
    """Yields the address at which a handler of requests answers."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        with running(server) as address:
            yield address


@contextlib.contextmanager
def serving(folder):
    """Yields the address of a folder, served as `make serve` does."""
    with serve.server(folder, 0) as server, running(server) as address:
        yield address


@contextlib.contextmanager
def running(server):
    """Yields the address of a server that answers from a thread of its own."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
