"""From files to batches: nothing is lost, nothing is mixed up, bad files are named."""

import json
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import text
from unrolled.data.text import END, START, UNKNOWN, Document, Vocabulary

# --- documents -----------------------------------------------------------------------------------


def test_a_text_file_gives_a_document_per_paragraph(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(
        "One fish. Two fish!\n\n\nRed fish?\nBlue fish.\n", encoding="utf-8"
    )
    documents = text.read(path)
    assert [d.sentences for d in documents] == [
        ("One fish.", "Two fish!"),
        ("Red fish?", "Blue fish."),
    ]
    assert [d.name for d in documents] == ["a.txt:0", "a.txt:1"]


def test_a_csv_gives_a_document_per_row_of_body(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        '\ufeffid,body\n1,"He said ""no"".\nThen he, and she, left."\n2,\n3,Fine.\n',
        "utf-8",
    )
    documents = text.read(path)
    assert [d.name for d in documents] == ["a.csv:0", "a.csv:2"]
    assert documents[0].sentences == ('He said "no".', "Then he, and she, left.")


def test_a_row_may_be_longer_than_the_csv_module_allows(tmp_path):
    path = tmp_path / "a.csv"
    # 240,000 characters; the limit of the module is 131,072
    body = "A long row. " * 20_000
    path.write_text(f"body\n{body}\n", "utf-8")
    (document,) = text.read(path)
    assert document.sentences == ("A long row.",) * 20_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            b"id,text\n1,hello\n",
            r"no column 'body'; its first line names: id, text",
        ),
        ("a.csv", b"", r"no column 'body'; its first line names: nothing"),
        ("a.csv", b"body\n\n", "holds no sentence"),
        ("a.txt", b"", "holds no sentence"),
        ("a.txt", b" \n\n \t", "holds no sentence"),
        ("a.txt", b"na\xefve", r"not UTF-8 \(byte 2\)"),
        ("a.csv", b"body\ncaf\xe9\n", r"not UTF-8 \(byte 8\)"),
        ("a.csv", b'body\nGood.\n"Open.\nBad.\n', "row 2 .* a quotation mark missing"),
        ("a.csv", b'body\n"Open.\nBad.\n"So", it is.\n', "row 1 cannot be read"),
        ("a.csv", b'id,"body\n1,Bad.\n', "row 1 cannot be read"),
        ("a.csv", b"body\nNo.\0\n", "holds NUL characters: it is not a text"),
        ("a.txt", bytes(100), "holds NUL characters: it is not a text"),
        ("a.txt", b"A text.\n\n\0", "holds NUL characters: it is not a text"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as raised:
        text.read(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such file: .*nothing\.txt"):
        text.read(tmp_path / "nothing.txt")


DOCSTRING = """Return the sum of `a` and ``b``, element-wise.

Some Title
----------
a : array_like
    The first summand. It may be a :class:`~numpy.matrix`.

>>> add(1, 2)
3

    indented

```python
This is code. It is not prose.
```
The last sentence stands
on two lines.
"""


def test_a_paragraph_ends_where_the_indentation_changes():
    found = text.paragraphs(
        "x : array\nof two lines\n    What it is,\n    in two lines."
    )
    assert list(found) == ["x : array of two lines", "What it is, in two lines."]


def test_the_prose_of_a_docstring():
    assert list(text.paragraphs(DOCSTRING)) == [
        "Return the sum of a and b, element-wise.",
        "a : array_like",
        "The first summand. It may be a ~numpy.matrix.",
        "indented",
        "The last sentence stands on two lines.",
    ]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("This is a sentence.", True),
        ('"Is this also one?"', True),
        ("this begins without a capital.", False),
        ("This does not end", False),
        ("Too few words.", False),
        ("Word " * 61 + "end.", False),
        ("X = [1, 2, 3, 4, 5] + (6 * 7 / 8) - 9 == 10.", False),
        ("A b1234 c56 d78.", False),  # a digit is no letter, in a word or alone
        ("Four words are enough.", True),
        ("Word " * 59 + "end.", True),
        ("Word " * 60 + "end.", False),
        ("Ab cd 12 3.", False),  # 8 of 11 characters are letters or spaces
        ("Abcd a 12 b.", False),  # 9 of 12
        ("Abcdef g 12 hi.", True),  # 12 of 15
    ],
)
def test_what_counts_as_prose(sentence, expected):
    assert text.is_prose(sentence) is expected


@pytest.mark.slow
def test_the_corpus_is_read_once_and_kept(tmp_path):
    documents = text.corpus(["keras"], cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    assert [[d.name, list(d.sentences)] for d in documents] == json.loads(
        kept.read_text("utf-8")
    )
    kept.write_text(json.dumps([["kept", ["Yes."]]]), "utf-8")
    assert text.corpus(["keras"], cache=tmp_path) == [Document("kept", ("Yes.",))]
    sentences = [s for d in documents for s in d.sentences]
    assert len(documents) > 200 and len(sentences) > 5000
    assert all(text.is_prose(s) and "`" not in s for s in sentences)
    assert not any("test" in d.name for d in documents)


@pytest.mark.parametrize(
    "damaged",
    [b"", b"[[", b"{}}", b"\xff\xfe", b"[1]", b'[["a"]]', b'[["a", 1]]', b"[" * 10**5],
)
def test_a_damaged_corpus_is_named_and_read_again(tmp_path, damaged, monkeypatch):
    module = Document("tqdm/a.py", ("A sentence.",))
    monkeypatch.setattr(text, "package_documents", lambda package: iter([module]))
    documents = text.corpus(["tqdm"], cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damaged)
    with pytest.warns(UserWarning, match=rf"{kept.name} is damaged .* made again") as w:
        assert text.corpus(["tqdm"], cache=tmp_path) == documents
    assert len(w) == 1 and "\n" not in str(w[0].message)
    assert kept.read_bytes() == whole


def test_quotations_in_a_csv_may_hold_lines_and_marks(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('body\n"She said ""No."" Then\nshe left."\nWell.\n', "utf-8")
    assert [document.sentences for document in text.read(path)] == [
        ('She said "No."', "Then she left."),
        ("Well.",),
    ]


def test_without_a_folder_the_corpus_is_kept_in_the_home_folder(tmp_path, monkeypatch):
    folder = tmp_path / ".cache/unrolled"
    folder.mkdir(parents=True)
    kept = folder / f"docstrings-{text.corpus_key(['numpy'])}.json"
    kept.write_text(json.dumps([["kept", ["Yes."]]]), "utf-8")
    monkeypatch.delenv("UNROLLED_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert text.corpus(["numpy"]) == [Document("kept", ("Yes.",))]


def test_the_environment_names_the_folder_of_the_corpus(tmp_path, monkeypatch):
    kept = tmp_path / f"docstrings-{text.corpus_key(['numpy'])}.json"
    kept.write_text(json.dumps([["kept", ["Yes."]]]), "utf-8")
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    assert text.corpus(["numpy"]) == [Document("kept", ("Yes.",))]


def test_modules_come_in_the_order_of_their_written_paths(tmp_path, monkeypatch):
    package = tmp_path / "made_for_a_test"
    (package / "a").mkdir(parents=True)
    for path in ("__init__.py", "a/b.py", "a-b.py"):
        (package / path).write_text('"""Here is one sentence of prose."""\n', "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert [
        document.name for document in text.package_documents("made_for_a_test")
    ] == [
        "made_for_a_test/__init__.py",
        "made_for_a_test/a-b.py",
        "made_for_a_test/a/b.py",
    ]


def test_a_folder_that_is_no_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "only_a_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="needs only_a_folder"):
        list(text.package_documents("only_a_folder"))


def test_another_version_is_another_corpus(monkeypatch):
    before = text.corpus_key(["numpy"])
    monkeypatch.setattr(text, "version", lambda package: version(package) + "1")
    assert text.corpus_key(["numpy"]) != before


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert len(text.corpus(["tqdm"], cache=tmp_path / "file" / "below")) > 10


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(ModuleNotFoundError, match="needs no_such_package"):
        text.corpus(["no_such_package"])


def test_a_missing_package_of_the_corpus_names_its_extra(monkeypatch):
    missing = mock.Mock(side_effect=PackageNotFoundError("keras"))
    monkeypatch.setattr(text, "version", missing)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'unrolled\[corpus\]'"):
        text.corpus_key(["keras"])


def test_duplicates_go_and_first_occurrences_stay_in_order():
    documents = [
        Document("a", ("X.", "Y.", "X.")),
        Document("b", ("Y.",)),
        Document("c", ("Z.",)),
    ]
    kept, removed = text.remove_duplicates(documents)
    assert (
        kept == [Document("a", ("X.", "Y.")), Document("c", ("Z.",))] and removed == 2
    )


def documents(n):
    return [Document(f"module {i}", (f"Sentence {i}.",)) for i in range(n)]


def test_a_split_is_a_partition_near_its_shares_that_grows_without_moving():
    parts = text.split(documents(4000), 0.1, 0.2)
    names = [{d.name for d in part} for part in parts]
    assert sum(map(len, parts)) == 4000 and len(set.union(*names)) == 4000
    assert abs(len(parts.validation) - 400) < 60 and abs(len(parts.test) - 800) < 80
    longer = text.split(documents(5000), 0.1, 0.2)
    for small, large in zip(names, longer, strict=True):
        assert small <= {d.name for d in large}


def test_too_few_documents_and_impossible_shares_are_refused():
    with pytest.raises(ValueError, match="part is empty: 2 documents are too few"):
        text.split(documents(2))
    with pytest.raises(ValueError, match="leave a rest"):
        text.split(documents(9), 0.5, 0.5)
    for shares in ((0, 0.5), (0.5, 0)):
        with pytest.raises(ValueError, match="shares must be above 0"):
            text.split(documents(9), *shares)


# --- sentences, tokens and ids -------------------------------------------------------------------


def test_a_sentence_may_run_over_lines_and_have_an_abbreviation():
    found = text.sentences("Mr. Smith\n  came\t home. He slept.\n")
    assert found == ("Mr. Smith came home.", "He slept.")


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Don't panic!", ["don't", "panic", "!"]),
        ("Use np.dot(a, b).", ["use", "np.dot", "(", "a", ",", "b", ")", "."]),
        (
            "An element-wise 2.5 x_1 sum...",
            ["an", "element-wise", "2.5", "x_1", "sum", *"..."],
        ),
        ("Größe, naïve – 50 %", ["größe", ",", "naïve", "–", "50", "%"]),
        ("", []),
    ],
)
def test_tokens(sentence, expected):
    assert text.tokens(sentence) == expected


@given(st.text(max_size=60))
def test_tokens_lose_nothing_but_space_and_case(sentence):
    joined = "".join(text.tokens(sentence))
    assert joined == "".join(sentence.lower().split())


def test_join_writes_tokens_as_a_line():
    words = text.tokens("If x (see below), it isn't 5 %: stop.")
    assert text.join(words) == "If x (see below), it isn't 5%: stop."
    assert text.join([]) == ""


SENTENCES = [["b", "a", "b"], ["c", "a", "b"], ["d"]]


def test_a_vocabulary_numbers_the_commonest_words():
    v = Vocabulary.of(SENTENCES, 6)
    assert v.words == (UNKNOWN, START, END, "b", "a", "c") and len(v) == 6
    assert "c" in v and "d" not in v
    assert v.encode(["a", "d", "b"]).tolist() == [v.start, 4, v.unknown, 3, v.end]
    assert v.decode([1, 4, 0, 3, 2]) == ["a", UNKNOWN, "b"] and v.decode([4]) == ["a"]


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=8), min_size=1))
def test_encoding_and_decoding_give_the_words_back(sentences):
    kinds = Counter(word for s in sentences for word in s)
    if kinds:
        v = Vocabulary.of(sentences, len(kinds) + 3)
        for s in sentences:
            assert v.decode(v.encode(s)) == s


@pytest.mark.parametrize("size", [3, 8])
def test_a_vocabulary_larger_than_the_text_is_refused(size):
    with pytest.raises(ValueError, match=rf"vocabulary of {size} .* the text has 4"):
        Vocabulary.of(SENTENCES, size)


def test_ids_out_of_range_and_words_given_twice_are_named():
    v = Vocabulary.of(SENTENCES, 6)
    with pytest.raises(ValueError, match="ids must lie in 0..5, got 3..6"):
        v.decode([3, 6])
    with pytest.raises(ValueError, match="twice"):
        Vocabulary(["a", "a"])


# --- batches -------------------------------------------------------------------------------------

encoded_texts = st.lists(
    st.lists(st.integers(3, 20), max_size=9).map(
        lambda words: np.array([1, *words, 2])
    ),
    min_size=1,
    max_size=12,
)


def unpadded(batch):
    """The sentences that a batch holds."""
    for column in range(batch.mask.shape[1]):
        real = batch.mask[:, column]
        inputs, targets = batch.inputs[real, column], batch.targets[real, column]
        np.testing.assert_array_equal(inputs[1:], targets[:-1])
        yield (*inputs.tolist(), int(targets[-1]))


@given(encoded_texts, st.integers(1, 5), st.none() | st.integers(0, 9))
def test_batches_hold_every_sentence_once_and_only_padding_besides(encoded, size, seed):
    rng = None if seed is None else np.random.default_rng(seed)
    found = text.batches(encoded, size, rng)
    assert Counter(s for batch in found for s in unpadded(batch)) == Counter(
        tuple(ids.tolist()) for ids in encoded
    )
    for batch in found:
        lengths = batch.mask.sum(axis=0)
        assert (
            batch.inputs.shape == (lengths.max(), len(lengths)) and len(lengths) <= size
        )
        assert (np.diff(batch.mask.astype(int), axis=0) <= 0).all()  # real words first


def test_batches_are_of_similar_length_and_the_seed_decides_their_order():
    rng = np.random.default_rng(0)
    encoded = [np.array([1, *[3] * n, 2]) for n in rng.integers(1, 40, 400)]
    first, again, other = (
        text.batches(encoded, 16, np.random.default_rng(s)) for s in (1, 1, 2)
    )
    assert np.mean([b.mask.mean() for b in first]) > 0.9
    shapes = [[b.mask.sum() for b in found] for found in (first, again, other)]
    assert shapes[0] == shapes[1] != shapes[2]
    assert shapes[0] != sorted(shapes[0])


def test_no_batch_of_nothing():
    with pytest.raises(ValueError, match="at least one sentence"):
        text.pad([])
    with pytest.raises(ValueError, match="size=0"):
        text.batches([np.array([1, 2])], 0)


@pytest.mark.parametrize("short", [[], [1]])
def test_a_sentence_without_start_and_end_is_refused(short):
    sentence = np.array([1, 5, 2])
    for encoded in ([short], [sentence, short], [np.array(short, int), sentence]):
        with pytest.raises(ValueError, match="each with START and END"):
            text.pad(encoded)
        with pytest.raises(ValueError, match="START and END"):
            text.batches(encoded, 2)
