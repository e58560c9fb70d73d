"""`make links`: a link that leads nowhere is named with its page, line and cause."""

import http.server
import subprocess
import sys

import pytest

from book._ext.build import build
from tests.support.paths import ROOT
from tests.support.seeded_book import seed
from tests.support.serving import answering

RUN = f"""import pathlib, sys
sys.path.insert(0, {str(ROOT)!r})
from book._ext.metadata import links
sys.exit(links.main([], pathlib.Path(sys.argv[1])))
"""


class Here(http.server.BaseHTTPRequestHandler):
    """Has one page."""

    def do_GET(self):
        self.send_response(200 if self.path == "/here" else 404)
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.mark.slow
def test_a_link_that_leads_nowhere_is_named(tmp_path):
    build.npm_packages(ROOT)
    with answering(Here) as address:
        text = f"# Page\n\n[Here]({address}/here), and\n\n[gone]({address}/gone).\n"
        folder = seed(tmp_path, {"page": text})
        (folder / "_build").mkdir()
        command = [sys.executable, "-c", RUN, str(folder)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=folder, timeout=120
        )
        assert done.returncode == 1, done.stdout + done.stderr
        last = done.stdout.splitlines()[-1]
        assert last.startswith(f"book/page.md:5: {address}/gone: 404"), done.stdout
        # as found, among what Sphinx says
        assert done.stdout.count(f"{address}/here") == 1
        (folder / "book/page.md").write_text(text.replace("gone", "here"), "utf-8")
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=folder, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
