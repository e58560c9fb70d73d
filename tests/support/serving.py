"""The servers that tests start, each on a free port of this machine."""

import contextlib
import http.server
import threading

from book._ext.build import serve


@contextlib.contextmanager
def answering(handler):
    """Yields the address at which a handler of requests answers."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def serving(folder, handler=serve.Site):
    """Yields the address of a folder, served as `make serve` does, or by another handler."""
    return serve.running(serve.application(folder, handler))
