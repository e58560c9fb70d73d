"""Files damaged at random, as disks and connections damage them."""

KINDS = ("change", "flip a bit", "cut", "remove", "insert", "zero")


def damaged(content, rng):
    """Returns bytes that differ from ``content`` at a place and in a way drawn by ``rng``."""
    while True:
        kind = rng.choice(KINDS)
        at = int(rng.integers(len(content)))
        length = 1 if rng.random() < 0.7 else int(rng.integers(2, 65))
        random = rng.bytes(length)
        before, after = content[:at], content[at + length :]
        found = {
            "change": before + random + after,
            "flip a bit": before
            + bytes([content[at] ^ 1 << int(rng.integers(8))])
            + content[at + 1 :],
            "cut": before,
            "remove": before + after,
            "insert": before + random + content[at:],
            "zero": before + bytes(length) + after,
        }[kind]
        if found != content:
            return found
