"""Try every link that leaves the site: `make links`, over the pages that `make book` has read."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from jupyter_book.sphinx import build_sphinx

from book._ext.build import build

SETTINGS = {
    "nitpicky": True,  # as `make book` has it
    "latex_individualpages": False,  # asked for by Jupyter Book
    "linkcheck_timeout": 30,
    "linkcheck_retries": 3,
    # What a page's script puts in place cannot be seen without running it.
    "linkcheck_anchors": False,
    "linkcheck_report_timeouts_as_broken": True,
}


def broken(found: Path) -> list[str]:
    """Return a line for each link that leads nowhere, from what Sphinx's linkcheck wrote."""
    links = map(json.loads, found.read_text("utf-8").splitlines())
    return [
        f"{link['filename']}:{link['lineno']}: {link['uri']}: {' '.join(link['info'].split())}"
        for link in links
        if link["status"] in ("broken", "timeout")
    ]


def main(arguments: list[str], root: Path = build.ROOT) -> int:
    """Try the links; return the exit status."""
    if arguments:
        print("usage: links.py", file=sys.stderr)
        return 2
    os.environ.update(build.QUIET)
    out = root / "_build/links"
    with build.alone(root / "_build"):
        result = build_sphinx(
            root,
            out,
            path_config=root / "_config.yml",
            noconfig=True,
            doctreedir=root / "_build/.doctrees",
            builder="linkcheck",
            confoverrides=SETTINGS
            | {"external_toc_path": (root / "_toc.yml").as_posix()},
        )
    if not isinstance(result, int):
        print(f"The links could not be tried: {result}", file=sys.stderr)
        return 1
    found = broken(out / "output.json")
    print("\n".join(found) or "Every link that leaves the site leads somewhere.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
