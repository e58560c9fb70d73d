"""The book's own Sphinx extensions, loaded in one place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

PARTS = (
    "source.address",
    "source.source_pages",
    "page.moved",
    "evidence.drawn",
    "live.answers_file",
    "live.course_plans",
    "live.exercise_list",
    "live.exercises_shown",
    "evidence.equations",
    "evidence.record_roles",
    "report.directive",
    "page.figures_on_page",
    "live.gpu_page",
    "page.contents",
    "page.numbering",
    "page.landing",
    "page.glossary_links",
    "page.inline_math",
    "page.katex",
    "page.permalinks",
    "metadata.search_objects",
    "live.run_button",
    "execution.outputs",
    "build.faulty",
    "build.parallel_writing",
    "page.folding",
    "page.theme_cleanup",
    "metadata.licences",
    "metadata.page_metadata",
    "metadata.sitemap",
    "metadata.feed",
    "page.citation_style",
    "metadata.cite",
    "page.policy",
    "formats.epub_pages",
    "formats.markdown_pages",
    "formats.notebooks",
    "formats.downloads",
    "page.bundle",
)


def version() -> str:
    """Return a digest of the extensions: when they change, every page is made again."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def setup(app: Any) -> dict[str, bool]:
    """Load every part; each is an ordinary extension and can be loaded alone."""
    app.add_config_value("unrolled_site_version", version(), "env")
    for part in PARTS:
        app.setup_extension(f"{__name__}.{part}")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
