"""Numbers that a page's prose holds, for tests that compare them with what is computed."""

import re

from tests.support.paths import BOOK

WORDS = {"a tenth": 0.1, "ninefold": 9, "ninety": 90}
NUMBER = re.compile(
    rf"(?<![\w.,])(\d[\d,]*(?:\.\d+)?)(?!\w)|\b({'|'.join(WORDS)})\b", re.IGNORECASE
)


def typed_number(page, label):
    """Returns the number, in digits or words, that comes next after a label on a page.

    Args:
        page: a path in book/.
        label: words that stand once on the page, however its lines are broken.
    """
    text = " ".join((BOOK / page).read_text("utf-8").split())
    before, _, after = text.partition(label)
    assert after and label not in after, f"{label!r} does not stand once on {page}"
    found = NUMBER.search(after)
    assert found, f"no number follows {label!r} on {page}"
    digits, word = found.groups()
    return float(digits.replace(",", "")) if digits else WORDS[word.lower()]
