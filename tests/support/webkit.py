"""WebKit, as Debian's packages bring it: the engine of Safari in a small browser for GTK.

It is driven in two ways. Its own command line writes what the console says to the terminal, but
not while the WebKitWebDriver drives it, since the window is a private one then. So pages are only
looked at without the driver (`console`), and worked with it (`driver`). The driver speaks the
WebDriver protocol of the W3C, of which a window needs seven requests (`webkit_window`).
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BROWSERS = "*/webkit2gtk-4.*/MiniBrowser"
# A window with the usual toolbar is wider than a telephone.
NARROW_TOOLBAR = """button, entry, image, label {
  min-width: 0; min-height: 0; padding: 0; margin: 0; border-width: 0; font-size: 1px;
  -gtk-icon-transform: scale(0.1);
}"""


class NoWebKitError(Exception):
    """There is no WebKit that can be driven; the message says what to do."""


def browser():
    """Returns the small browser that comes with WebKit, or None."""
    folders = (Path("/usr/lib"), Path("/usr/libexec"))
    found = [path for folder in folders for path in folder.glob(BROWSERS)]
    return max(found, default=None)


@contextlib.contextmanager
def process(*command, **settings):
    """Yields a running program, and ends it and all programs that it has started."""
    with subprocess.Popen(command, start_new_session=True, **settings) as running:
        try:
            yield running
        finally:
            running.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)


@contextlib.contextmanager
def screen():
    """Yields the environment of programs on a screen of their own, with an empty home."""
    programs = ("Xvfb", "WebKitWebDriver")
    if browser() is None or not all(map(shutil.which, programs)):
        raise NoWebKitError(
            "no WebKit: install the packages webkit2gtk-driver and xvfb"
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        style = Path(home) / "gtk-3.0/gtk.css"
        style.parent.mkdir()
        style.write_text(NARROW_TOOLBAR)
        reads, writes = os.pipe()
        size = ("-screen", "0", "1400x1000x24")
        command = ("Xvfb", "-displayfd", str(writes), "-nolisten", "tcp", *size)
        with process(*command, pass_fds=[writes], stderr=subprocess.DEVNULL):
            os.close(writes)
            with open(reads) as pipe:
                display = pipe.readline().strip()
            if not display:
                raise RuntimeError("Xvfb ended before it had a display")
            folders = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
            own = dict.fromkeys(folders, home) | {"DISPLAY": f":{display}"}
            # With LANG=C the language of the reader is "C", for which no number can be written.
            kept = {k: v for k, v in os.environ.items() if not k.startswith("LC_")}
            yield kept | own | {"LANG": "en_US.UTF-8", "NO_AT_BRIDGE": "1"}


@contextlib.contextmanager
def console(environment, address):
    """Opens an address, and yields what says what the console has said so far."""
    settings = "--enable-write-console-messages-to-stdout=true"
    command = (str(browser()), settings, address)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "console"

        def said():
            lines = file.read_text("utf-8", errors="replace").splitlines()
            return [line for line in lines if "CONSOLE " in line]

        with file.open("ab") as heard:
            sinks = {"stdout": heard, "stderr": subprocess.STDOUT}
            with process(*command, env=environment, **sinks):
                yield said


@contextlib.contextmanager
def driver(environment):
    """Yields the port of a running WebKitWebDriver."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
    with process("WebKitWebDriver", f"--port={port}", env=environment, **quiet):
        for _ in range(600):
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.05)
        else:
            raise TimeoutError("WebKitWebDriver does not answer")
        yield port
