"""From text to tensors: documents -> sentences -> tokens -> ids -> padded batches.

The default corpus is the prose in the docstrings of six scientific packages. It is real English,
needs no download, and is the same on every machine with the same package versions. ``read`` reads a
text of the reader's own.
"""

import ast
import csv
import hashlib
import importlib.util
import json
import os
import re
from collections import Counter
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unrolled.arguments import names_arguments
from unrolled.files import discarded_if_damaged, write_whole
from unrolled.installed import missing, version

PACKAGES = ("numpy", "scipy", "matplotlib", "keras", "pytensor", "tensorflow")
UNKNOWN, START, END = "<unknown>", "<start>", "<end>"


class Document(NamedTuple):
    """A text that belongs together: a module, a file, a row of a table."""

    name: str
    sentences: tuple[str, ...]


class Split(NamedTuple):
    """Documents for training, for validation and for testing."""

    train: list[Document]
    validation: list[Document]
    test: list[Document]


class Batch(NamedTuple):
    """Sentences side by side, padded at the end to one length."""

    inputs: np.ndarray  # (T, B) ids, beginning with START
    targets: (
        np.ndarray
    )  # (T, B) ids: at each step the word that comes next; the last is END
    mask: np.ndarray  # (T, B) bool: True where there is a word to predict


# --- documents ---------------------------------------------------------------------------------


def read(path):
    """Reads a reader's own text.

    Args:
        path: a ``.csv`` file with a column ``body``, one document per row; any other file is plain
            text, one document per paragraph (blocks between blank lines). UTF-8.

    Returns:
        A list of Documents, not empty.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not UTF-8, a NUL character, no column ``body``, a quotation mark that is not
            closed, or no sentence in it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                texts = _column(file, "body", path)
            else:
                texts = re.split(r"\n\s*\n", file.read())
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8 and try again"
        ) from None
    if any("\0" in text for text in texts):
        raise ValueError(f"{path} holds NUL characters: it is not a text")
    documents = [
        Document(f"{path.name}:{i}", sentences(text)) for i, text in enumerate(texts)
    ]
    documents = [document for document in documents if document.sentences]
    if not documents:
        raise ValueError(f"{path} holds no sentence")
    return documents


def _column(file, name, path):
    csv.field_size_limit(2**31 - 1)
    rows = csv.DictReader(
        file, strict=True
    )  # or an open quotation takes all that follows
    found = []
    try:
        if name not in (rows.fieldnames or []):
            names = ", ".join(rows.fieldnames or ["nothing"])
            raise ValueError(
                f"{path} has no column {name!r}; its first line names: {names}"
            )
        for row in rows:
            found.append(row[name] or "")
    except csv.Error as error:
        raise ValueError(
            f"{path}: row {len(found) + 1} cannot be read ({error});"
            " is a quotation mark missing?"
        ) from None
    return found


def corpus(packages=PACKAGES, cache=None):
    """Returns the prose of the packages' docstrings, one Document per module.

    Args:
        packages: names of installed packages. They are read, not imported.
        cache: folder that keeps the result for the next call (reading takes about half a minute);
            ``$UNROLLED_CACHE`` or ``~/.cache/unrolled`` if None. A damaged file there is replaced,
            with a warning that names it.

    Returns:
        A list of Documents in the order of the packages and of their modules' names.

    Raises:
        ModuleNotFoundError: a package is not installed.
    """
    folder = Path(
        cache or os.environ.get("UNROLLED_CACHE") or Path.home() / ".cache" / "unrolled"
    )
    path = folder / f"docstrings-{corpus_key(packages)}.json"
    with discarded_if_damaged(path):
        if path.is_file():
            return [
                Document(name, tuple(lines))
                for name, lines in json.loads(path.read_text("utf-8"))
            ]
    documents = [
        document for package in packages for document in package_documents(package)
    ]
    try:
        write_whole(path, json.dumps(documents))
    except OSError:
        pass  # without the cache, the next call reads the packages again
    return documents


def corpus_key(packages):
    """Returns a short key of everything the corpus depends on: versions, and this file."""
    try:
        versions = [f"{package} {version(package)}" for package in packages]
    except PackageNotFoundError as error:
        raise _not_installed(error.name) from None
    everything = "\n".join([*versions, Path(__file__).read_text("utf-8")])
    return hashlib.sha256(everything.encode()).hexdigest()[:16]


def _not_installed(package):
    return ModuleNotFoundError(missing(package, "the corpus"))


def package_documents(package):
    """Yields a package's Documents: the prose of each module, in the order of the paths.

    Modules whose path has "test" in it are left out, and so are those without a sentence.

    Raises:
        ModuleNotFoundError: the package is not installed, or is a folder without modules.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise _not_installed(package)
    root = Path(spec.origin).parent
    for path in sorted(
        root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()
    ):
        module = path.relative_to(root).as_posix()
        if "test" in module:
            continue  # tests describe tests
        found = tuple(
            sentence
            for docstring in _docstrings(path)
            for paragraph in paragraphs(docstring)
            for sentence in sentences(paragraph)
            if is_prose(sentence)
        )
        if found:
            yield Document(f"{package}/{module}", found)


def _docstrings(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring


_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_UNDERLINE = re.compile(r"([-=~^*#])\1{2,}")
_ROLE = re.compile(r":[a-z:]+:(?=`)")


def paragraphs(docstring):
    """Yields the paragraphs of a docstring, without code, section titles and markup.

    A paragraph ends at a blank line and where the indentation changes. Fenced code and blocks with
    a ``>>>`` prompt are left out, and so is a line that is underlined; backquotes and the names of
    roles are taken away.
    """
    for block in re.split(r"\n\s*\n", _FENCE.sub("\n\n", docstring)):
        if ">>>" in block:
            continue
        lines, indent = [], None
        for line in block.splitlines():
            depth = len(line) - len(line.lstrip())
            if _UNDERLINE.fullmatch(line.strip()):
                lines, indent = [], None
                continue
            if lines and depth != indent:
                yield " ".join(lines)
                lines = []
            lines.append(_ROLE.sub("", line.strip()).replace("`", ""))
            indent = depth
        if lines:
            yield " ".join(lines)


SENTENCE = re.compile(r"[\"'(]?[A-Z].*[.!?][\"')]*")  # from capital to full stop


def is_prose(sentence):
    """Tells whether a line reads as a sentence.

    It begins with a capital, has 4 to 60 words, ends with ``.``, ``!`` or ``?``, and is mostly
    letters.
    """
    letters = sum(character.isalpha() or character == " " for character in sentence)
    return (
        SENTENCE.fullmatch(sentence) is not None
        and 4 <= len(sentence.split()) <= 60
        and letters >= 0.8 * len(sentence)
    )


def remove_duplicates(documents):
    """Keeps the first occurrence of every sentence.

    Returns:
        (documents without repeated sentences, number of sentences removed). Without this, a
        sentence that stands in ten modules is learnt from nine and "predicted" in the tenth.
    """
    seen, kept, removed = set(), [], 0
    for document in documents:
        new = []
        for sentence in document.sentences:
            if sentence in seen:
                removed += 1
            else:
                seen.add(sentence)
                new.append(sentence)
        if new:
            kept.append(Document(document.name, tuple(new)))
    return kept, removed


def split(documents, validation=0.05, test=0.05):
    """Splits by document, so that no document is both learnt from and tested on.

    Where a document goes depends on its name alone (a hash), so that adding a document moves no
    other.

    Args:
        documents: a list of Documents.
        validation: share of documents to choose by.
        test: share of documents to report on.

    Returns:
        A Split.

    Raises:
        ValueError: shares that leave nothing to train on, or a part that came out empty.
    """
    if not (0 < validation and 0 < test and validation + test < 1):
        raise ValueError(
            f"shares must be above 0 and leave a rest, got {validation} and {test}"
        )
    parts = Split([], [], [])
    for document in documents:
        digest = hashlib.sha256(document.name.encode()).digest()
        u = int.from_bytes(digest[:8], "big") / 2**64
        part = (
            parts.validation
            if u < validation
            else parts.test
            if u < validation + test
            else parts.train
        )
        part.append(document)
    for name, part in zip(Split._fields, parts, strict=True):
        if not part:
            raise ValueError(
                f"the {name} part is empty: {len(documents)} documents are too few"
            )
    return parts


# --- sentences and tokens ----------------------------------------------------------------------


def sentences(text):
    """Splits English text into a tuple of sentences (by the library sentencex)."""
    from sentencex import (
        segment,  # here, so that the rest works where it is not installed
    )

    found = (re.sub(r"\s+", " ", sentence).strip() for sentence in segment("en", text))
    return tuple(sentence for sentence in found if sentence)


TOKEN = re.compile(r"\w+(?:[.'’-]\w+)*|[^\w\s]")


def tokens(sentence):
    """Splits a sentence into lowercase words, numbers and punctuation marks.

    A word may contain dots, apostrophes and hyphens, but not end with them: ``don't``, ``np.dot``,
    ``element-wise`` and ``2.5`` are one token each. Every other visible character is a token.
    """
    return TOKEN.findall(sentence.lower())


_NO_SPACE_BEFORE = re.compile(r" ([.,;:!?)\]}%])")
_NO_SPACE_AFTER = re.compile(r"([(\[{]) ")


def join(words):
    """Writes tokens as a line to read: no space before a full stop or inside brackets."""
    line = _NO_SPACE_AFTER.sub(r"\1", _NO_SPACE_BEFORE.sub(r"\1", " ".join(words)))
    return line[:1].upper() + line[1:]


# --- ids ---------------------------------------------------------------------------------------


class Vocabulary:
    """The commonest words, numbered; every other word is UNKNOWN.

    Ids 0, 1, 2 are UNKNOWN, START and END; then come the words, commonest first (equally common
    ones in alphabetical order, so that the numbering depends on the text alone).
    """

    def __init__(self, words):
        """Takes the words in the order of their ids, without the three special ones."""
        self.words = (UNKNOWN, START, END, *words)
        self.ids = {word: i for i, word in enumerate(self.words)}
        if len(self.ids) != len(self.words):
            raise ValueError("a word stands in the vocabulary twice")

    unknown, start, end = 0, 1, 2

    @classmethod
    def of(cls, sentences_of_tokens, size):
        """Returns the vocabulary of ``size`` entries, three special ones included, of a text.

        Raises:
            ValueError: the text has fewer different words than that, or size is below 4.
        """
        counts = Counter(
            token for sentence in sentences_of_tokens for token in sentence
        )
        if not 4 <= size <= len(counts) + 3:
            raise ValueError(
                f"a vocabulary of {size} needs {size - 3} different words,"
                f" the text has {len(counts)}"
            )
        common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls([word for word, _ in common[: size - 3]])

    def __len__(self):
        """Returns V."""
        return len(self.words)

    def __contains__(self, word):
        """Tells whether a word has an id of its own."""
        return word in self.ids

    def encode(self, sentence_tokens):
        """Returns the ids of START, the tokens, END as an int array (tokens + 2,)."""
        ids = [self.ids.get(token, self.unknown) for token in sentence_tokens]
        return np.array([self.start, *ids, self.end])

    def decode(self, ids):
        """Returns the words of ids, START and END left out.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        ids = np.asarray(ids)
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self):
            raise ValueError(
                f"ids must lie in 0..{len(self) - 1}, got {ids.min()}..{ids.max()}"
            )
        return [self.words[i] for i in ids if i not in (self.start, self.end)]


def encode(documents, vocabulary):
    """Returns a list of int arrays, one for each sentence of the documents."""
    return [
        vocabulary.encode(tokens(sentence))
        for document in documents
        for sentence in document.sentences
    ]


# --- batches -----------------------------------------------------------------------------------


@names_arguments
def pad(encoded):
    """Returns the Batch of some encoded sentences: inputs, the same shifted by one, and the mask.

    The padding holds END. The mask, not an id, tells real steps from padding.

    Args:
        encoded: a non-empty list of int arrays, each START … END.

    Returns:
        A Batch of shape (T, B), T the longest length less 1.

    Raises:
        ValueError: no sentence, or one without START and END.
    """
    if min(map(len, encoded), default=0) < 2:
        raise ValueError(
            "encoded must hold at least one sentence, each with START and END"
        )
    lengths = np.array([len(ids) - 1 for ids in encoded])
    T, B = lengths.max(), len(encoded)
    inputs = np.full((T, B), Vocabulary.end)
    targets = np.full((T, B), Vocabulary.end)
    for column, ids in enumerate(encoded):
        inputs[: lengths[column], column] = ids[:-1]
        targets[: lengths[column], column] = ids[1:]
    return Batch(inputs, targets, np.arange(T)[:, None] < lengths)


@names_arguments
def batches(encoded, size, rng=None):
    """Returns padded batches of sentences of similar length, so that little is padding.

    Args:
        encoded: a list of int arrays, each START … END.
        size: sentences in a batch; the last may have fewer.
        rng: shuffles the sentences of equal length and then the order of the batches; if None, the
            batches come shortest first.

    Returns:
        A list of Batches.
    """
    if size < 1:
        raise ValueError(f"a batch has at least one sentence, got size={size}")
    order = np.arange(len(encoded)) if rng is None else rng.permutation(len(encoded))
    lengths = np.array([len(encoded[i]) for i in order])
    order = order[np.argsort(lengths, kind="stable")]
    groups = [order[i : i + size] for i in range(0, len(order), size)]
    if rng is not None:
        rng.shuffle(groups := list(groups))
    return [pad([encoded[i] for i in group]) for group in groups]
