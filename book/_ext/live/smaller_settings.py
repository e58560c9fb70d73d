"""The smaller setting that a slow cell has in the page, by `in_the_page` in its metadata."""

from __future__ import annotations

import ast
from typing import Any

from book._ext.live import knobs


def in_the_page(text: str, metadata: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return a cell's text as the page has it, and what stands there in place of what.

    The replacements are made one after the other, here as in book/_live/cells.js.

    Raises:
        ValueError: the metadata's `in_the_page` does not fit the text or the cell's knobs.
    """
    smaller = metadata["in_the_page"]
    if not isinstance(smaller, dict) or not smaller:
        message = "`in_the_page` needs texts and what stands in their place in the page"
        raise ValueError(message)
    smaller = {str(old): str(new) for old, new in smaller.items()}
    made = text
    for old, new in smaller.items():
        if (count := made.count(old)) != 1:
            message = (
                f"`in_the_page` replaces {old!r}, which stands {count} times in it"
            )
            raise ValueError(message)
        made = made.replace(old, new)
        try:
            ast.parse(made)
        except SyntaxError:
            message = (
                f"with {new!r} for {old!r}, as `in_the_page` says, it is no Python"
            )
            raise ValueError(message) from None
    if "knobs" in metadata:
        described_knobs = metadata["knobs"]
        small = knobs.read(described_knobs, made)
        for knob in knobs.read(described_knobs, text):
            if knob not in small:
                raise ValueError(f"`in_the_page` sets {knob.name}, as its knob does")
    return made, smaller
