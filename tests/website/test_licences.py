"""Everything on the site that others wrote has its licence there."""

import pytest

from book._ext.metadata import licences
from tests.support.paths import BOOK

OURS = BOOK / "_static"


@pytest.mark.site
@pytest.mark.slow
def test_every_file_is_ours_or_has_its_licence(site, tmp_path):
    static = site / "_static"
    assert licences.unclaimed(static, OURS) == []
    page = (site / "book/reference/licences.html").read_text("utf-8")
    for part in licences.PARTS:
        text = (static / f"licenses/{part.slug}.txt").read_text("utf-8")
        assert len(text) > 500 and "opyright" in text
        assert f'href="../../_static/licenses/{part.slug}.txt"' in page
    known = {f"{part.slug}.txt" for part in licences.PARTS}
    assert {path.name for path in (static / "licenses").iterdir()} == known


def test_a_file_that_nobody_claims_is_found(tmp_path):
    for name in (
        "site.css",
        "book.js",
        "fonts/KaTeX_Main-Regular.woff2",
        "jquery.js",
        "fonts/x",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert licences.unclaimed(tmp_path, OURS) == ["fonts/x", "jquery.js"]
