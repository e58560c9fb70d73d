"""`make serve`: what it answers, what it refuses, and that nothing makes it fall or wait."""

import contextlib
import http.client
import os
import signal
import socket
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from book._ext.build import serve
from book._ext.page import policy
from tests.support.paths import ROOT
from tests.support.serving import serving

LARGE = 2_000_000  # bytes: more than a connection buffers
RESET = struct.pack("ii", 1, 0)  # an end without a farewell, as of a closed window


class Client:
    """Somebody who asks a server for things."""

    def __init__(self, address):
        self.place = urlsplit(address).hostname, urlsplit(address).port

    def ask(self, path, method="GET", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(
            http.client.HTTPConnection(*self.place, timeout=20)
        ) as link:
            link.request(method, path, headers=named)
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()

    def connect(self):
        return socket.create_connection(self.place, timeout=20)


@pytest.fixture
def folder(tmp_path):
    site = tmp_path / "site"
    (site / "book").mkdir(parents=True)
    (site / "index.html").write_text("é" * (LARGE // 2), "utf-8")
    (site / "book/index.html").write_text("a part")
    for name in ("a.js", "a.py", "a.css", "a.svg", "a.json", "a.wasm", "a.wasm.gzip"):
        (site / name).write_text("content")
    (tmp_path / "secret").write_text("secret")
    return site


@pytest.fixture
def client(folder):
    with serving(folder) as address:
        yield Client(address)


@pytest.fixture
def silent(capfd, caplog):
    """Nothing is printed or logged while a test runs."""
    yield
    assert capfd.readouterr() == ("", "")
    assert caplog.get_records("call") == []


@pytest.mark.parametrize("path", ["/", "/a.js", "/none", "/%00", "/book"])
def test_every_answer_carries_the_policy(client, path):
    _, headers, _ = client.ask(path)
    assert headers["Content-Security-Policy"] == policy.written(policy.SERVED)


def test_files_are_sent_whole_with_their_types(client, folder):
    for path, name in (("/", "index.html"), ("/book/", "book/index.html")):
        status, headers, body = client.ask(path)
        assert status == 200 and body == (folder / name).read_bytes()
        assert headers["Content-Type"] == "text/html; charset=utf-8"
    types = {
        path.name: client.ask(f"/{path.name}")[1]["Content-Type"].split("; ")
        for path in folder.glob("a.*")
    }
    assert types["a.js"][0] in ("text/javascript", "application/javascript")
    assert types["a.css"] == ["text/css", "charset=utf-8"]
    assert types["a.py"][1] == "charset=utf-8"
    assert types["a.svg"] == ["image/svg+xml"]
    assert types["a.json"] == ["application/json"]
    assert types["a.wasm"] == ["application/wasm"]
    assert types["a.wasm.gzip"] == ["application/octet-stream"]


def test_a_kept_copy_is_shown_until_the_file_changes(client, folder):
    _, headers, _ = client.ask("/a.js")
    assert headers["Cache-Control"] == "no-cache"
    etag, date = headers["Etag"], headers["Last-Modified"]
    for known in ({"If_None_Match": etag}, {"If_Modified_Since": date}):
        assert client.ask("/a.js", **known)[0::2] == (304, b"")
    for known in ({"If_None_Match": '"other"'}, {"If_Modified_Since": "rubbish"}):
        assert client.ask("/a.js", **known)[0] == 200
    (folder / "a.js").write_text("changed")  # as long as before
    os.utime(folder / "a.js", ns=(0, 10**18))
    assert client.ask("/a.js", If_None_Match=etag)[2] == b"changed"
    # A name with a version in it is another one when the content is.
    assert "max-age" in client.ask("/a.js?v=1")[1]["Cache-Control"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/none", 404),
        ("/%00", 404),
        ("/a.js%00.html", 404),
        ("/" + "a" * 5000, 404),
        ("/%ff", 400),
        ("/../secret", 403),
        ("/%2e%2e/secret", 403),
        ("/out", 403),
        ("/outside/secret", 403),
        ("/unreadable", 403),
    ],
)
def test_what_is_not_there_is_refused_without_a_word(
    client, folder, silent, path, status
):
    (folder / "out").symlink_to(folder.parent / "secret")
    (folder / "outside").symlink_to(folder.parent)
    os.mkfifo(folder / "unreadable")
    found, _, body = client.ask(path)
    assert found == status and b"secret" not in body
    assert client.ask("/a.js")[0] == 200


def test_a_link_inside_the_folder_is_followed(client, folder):
    (folder / "again.js").symlink_to(folder / "a.js")
    assert client.ask("/again.js")[2] == b"content"


def test_clients_that_go_away_or_talk_nonsense_leave_no_trace(client, silent):
    for said in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HT",
        b"\x16\x03\r\n\r\n",
    ):
        for _ in range(3):
            link = client.connect()
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            link.sendall(said)
            link.close()
    assert client.ask("/", "POST")[0] == 405
    status, _, body = client.ask("/")
    assert status == 200 and len(body) == LARGE


def test_what_goes_wrong_is_one_line(client, folder, capfd, monkeypatch):
    def failing(*arguments):
        raise OSError("the disk is gone")

    monkeypatch.setattr(serve.Site, "get_content_size", failing)
    assert client.ask("/a.js")[0] == 500
    assert capfd.readouterr() == ("", "/a.js: the disk is gone\n")


def test_a_hundred_requests_at_once_do_not_wait(client):
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(client.ask, ["/a.js"] * 100))
    assert [body for _, _, body in answers] == [b"content"] * 100
    # A connection that finds no room would be tried again after one second, then after two: there
    # is room for all, even before the first is answered.
    with contextlib.ExitStack() as links:
        listening = links.enter_context(serve.listening(0))
        for _ in range(100):
            one = socket.create_connection(listening.getsockname(), timeout=5)
            links.enter_context(one)


def test_a_connection_that_asks_for_nothing_is_closed(monkeypatch, folder):
    monkeypatch.setattr(serve, "IDLE", 0.2)
    with serving(folder) as address:
        for begun in (b"", b"GET / HTTP", b"GET /a.js HTTP/1.1\r\nHost: x\r\n\r\n"):
            with Client(address).connect() as link:
                link.sendall(begun)
                while link.recv(1000):
                    pass


def test_what_keeps_a_server_from_starting_is_raised(folder, monkeypatch):
    def failing(*arguments, **settings):
        raise OSError("no sockets are left")

    monkeypatch.setattr(serve.httpserver, "HTTPServer", failing)
    with pytest.raises(OSError, match="no sockets are left"), serving(folder):
        pass


def test_it_ends_on_ctrl_c_with_a_connection_open(folder):
    command = (
        "import sys, pathlib; from book._ext.build import serve;"
        "sys.exit(serve.main(['0'], pathlib.Path(sys.argv[1])))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", command, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        client = Client(said.split()[3])
        assert client.ask("/a.js")[0] == 200
        with client.connect() as link:
            link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=20)[0] == "\n"
        assert process.returncode == 0
