"""A number and its noun; nouns with an irregular plural do not occur."""

from __future__ import annotations


def many(number: int, one: str) -> str:
    """Return a number and its noun, such as "1 line" or "2,345 lines"."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"
