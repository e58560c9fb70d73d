"""Numbers of chapters, equations, figures and exercises: "2.4" and "2.4.1" in Part 2.

Sphinx begins again at 1 in every part. When it has counted, the part is put in front. What Sphinx
counted is kept, because it compares its numbers with those of the last build to find what changed.
"""

from __future__ import annotations

import copy
from typing import Any

from book._ext.page import contents


def restore(app: Any, env: Any) -> list[str]:
    """Give Sphinx the numbers that it counted in the last build."""
    if hasattr(env, "unrolled_counted"):
        env.toc_secnumbers, env.toc_fignumbers = env.unrolled_counted
    return []


def number(app: Any, env: Any) -> list[str]:
    """Number by part, chapter and place in the chapter."""
    env.unrolled_counted = env.toc_secnumbers, env.toc_fignumbers
    env.toc_secnumbers, env.toc_fignumbers = copy.deepcopy(env.unrolled_counted)
    for part in contents.parts(app.config.external_site_map):
        if part.number:
            for chapter, page in enumerate(part.pages, 1):
                prefix = part.number, chapter
                if page in env.toc_secnumbers:
                    env.toc_secnumbers[page][""] = prefix
                    env.titles[page]["secnumber"] = prefix  # in lists of contents
                for numbers in env.toc_fignumbers.get(page, {}).values():
                    in_order = sorted(numbers, key=numbers.__getitem__)
                    numbers.update(
                        {anchor: (*prefix, n) for n, anchor in enumerate(in_order, 1)}
                    )
    return []


def setup(app: Any) -> dict[str, bool]:
    """Register the extension; Sphinx counts at priority 500."""
    app.connect("env-get-updated", restore, priority=400)
    app.connect("env-get-updated", number, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
