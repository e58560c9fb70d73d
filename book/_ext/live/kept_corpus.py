"""The corpus of Part 2 for the browser, which has no packages to read docstrings from."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from book._ext.live.browser_python import licence_of
from book._ext.live.kept_parts import made
from unrolled.data import text

NAME = "documents.json.gzip"
# TensorFlow's package carries no licence of its own in its metadata; it has the one of Keras.
LICENSED = ("numpy", "scipy", "matplotlib", "pytensor", "keras")


def corpus() -> Path:
    """Return the folder with the documents of `text.corpus()`, compressed, and their licences."""
    return made("corpus", [text.corpus_key(text.PACKAGES).encode()], make)


def make(target: Path) -> None:
    """Write the documents and the licences."""
    (target / NAME).write_bytes(packed(text.corpus()))
    (target / "licenses").mkdir()
    parts = [
        "Docstrings of NumPy, SciPy, Matplotlib, PyTensor, Keras and TensorFlow (copyright The "
        "TensorFlow Authors, under the licence of Keras, Apache 2.0), cut into sentences."
    ]
    parts += [f"{name}:\n\n{licence_of(name)}" for name in LICENSED]
    (target / "licenses/corpus-in-the-page.txt").write_text(
        "\n\n---\n\n".join(parts), "utf-8"
    )


def packed(documents: list[text.Document]) -> bytes:
    """Return documents as compressed JSON, the same bytes for the same documents."""
    return gzip.compress(json.dumps(documents).encode(), mtime=0)
