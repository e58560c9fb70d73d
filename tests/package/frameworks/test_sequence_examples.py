"""Sentences through files and pipelines: nothing is lost, moved or invented."""

import numpy as np
import pytest

from unrolled.data import text
from unrolled.frameworks import sequence_examples as wt
from unrolled.frameworks.quiet_tensorflow import tf

RNG = np.random.default_rng(8)
SENTENCES = [
    RNG.integers(0, 3000, n).tolist() for n in [3, 9, 2, 14, 7, 7, 30, 5, 4, 11, 2]
]


def wire(kind, path, compression=""):
    make, parse = {
        "sequence": (wt.sequence_example, wt.parse),
        "plain": (wt.example, wt.parse_examples),
    }[kind]
    assert wt.write(path, map(make, SENTENCES), compression) == len(SENTENCES)
    return parse


@pytest.mark.parametrize("kind", ["sequence", "plain"])
@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_what_is_written_is_read(tmp_path, kind, compression):
    path = tmp_path / "s.tfrecord"
    parse = wire(kind, path, compression)
    found = []
    for context, ids in wt.read(path, parse, batch=4, compression=compression):
        assert context == {} and ids.dtype == tf.int64
        found += ids.to_list()
    assert found == SENTENCES
    assert [p.name for p in tmp_path.iterdir()] == ["s.tfrecord"]


both_kinds = pytest.mark.parametrize(
    ("make", "parse"),
    [(wt.sequence_example, wt.parse), (wt.example, wt.parse_examples)],
)


@both_kinds
def test_sentences_are_parsed_without_a_pipeline_too(make, parse):
    context, ids = parse([make(sentence).SerializeToString() for sentence in SENTENCES])
    assert context == {} and ids.to_list() == SENTENCES


@both_kinds
def test_a_context_belongs_to_its_sentence(tmp_path, make, parse):
    path = tmp_path / "s.tfrecord"
    wt.write(
        path,
        (
            make(s, {"name": wt.utf8(f"né {i}"), "n": wt.int64([len(s)])})
            for i, s in enumerate(SENTENCES)
        ),
    )
    spec = {
        "name": tf.io.FixedLenFeature([], tf.string),
        "n": tf.io.FixedLenFeature([], tf.int64),
    }
    ((context, ids),) = wt.read(path, lambda r: parse(r, spec), batch=99)
    assert [n.decode() for n in context["name"].numpy()] == [
        f"né {i}" for i in range(11)
    ]
    assert context["n"].numpy().tolist() == ids.row_lengths().numpy().tolist()


def test_several_files_come_in_their_order(tmp_path):
    wt.write(tmp_path / "b", map(wt.sequence_example, SENTENCES[:4]))
    wt.write(tmp_path / "a", map(wt.sequence_example, SENTENCES[4:]))
    found = wt.sentences([tmp_path / "b", tmp_path / "a"], batch=3)
    assert [ids.numpy().tolist() for ids in found] == SENTENCES


def test_bad_files_are_refused_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file: .*x; write it first"):
        wt.read(tmp_path / "x")
    with pytest.raises(ValueError, match="there is no record"):
        wt.write(tmp_path / "x", [])
    assert list(tmp_path.iterdir()) == []

    def breaks():
        yield wt.sequence_example([1, 2])
        raise KeyboardInterrupt

    wt.write(tmp_path / "x", map(wt.sequence_example, SENTENCES))
    with pytest.raises(KeyboardInterrupt):
        wt.write(tmp_path / "x", breaks())
    # the old one stands
    assert len(list(wt.sentences(tmp_path / "x"))) == len(SENTENCES)


@pytest.fixture
def pairs(tmp_path):
    wt.write(tmp_path / "s", map(wt.sequence_example, SENTENCES))
    return wt.sentences(tmp_path / "s").map(wt.shifted)


def unpadded(batches):
    """Returns the (inputs, targets) of all rows, in a fixed order."""
    rows = []
    for x, y in batches:
        assert np.array_equal(x.numpy() == wt.PADDING, y.numpy() == wt.PADDING)
        for a, b in zip(x.numpy(), y.numpy(), strict=True):
            n = (a != wt.PADDING).sum()
            assert (a[n:] == wt.PADDING).all()  # at the end, and nowhere else
            rows.append((a[:n].tolist(), b[:n].tolist()))
    return sorted(rows)


WANTED = sorted((s[:-1], s[1:]) for s in SENTENCES)


def test_no_pair_is_lost_in_batches(pairs):
    batches = list(wt.padded(pairs, 4))
    assert [x.shape for x, _ in batches] == [(4, 13), (4, 29), (3, 10)]
    assert unpadded(batches) == WANTED
    batches = list(wt.bucketed(pairs, 2, [5, 9]))
    assert unpadded(batches) == WANTED
    for x, _ in batches:
        lengths = (x.numpy() != wt.PADDING).sum(axis=1)
        assert len(set(np.digitize(lengths, [5, 9]))) == 1
        assert x.shape[1] == lengths.max()


def test_a_word_with_id_0_is_no_padding(tmp_path):
    wt.write(tmp_path / "s", map(wt.sequence_example, [[1, 0, 0, 2], [1, 2]]))
    ((x, y),) = wt.padded(wt.sentences(tmp_path / "s").map(wt.shifted), 2)
    assert x.numpy().tolist() == [[1, 0, 0], [1, -1, -1]]
    assert y.numpy().tolist() == [[0, 0, 2], [2, -1, -1]]


@pytest.mark.parametrize("wrong", [[], [5, 5], [9, 5]])
def test_boundaries_must_rise(pairs, wrong):
    with pytest.raises(ValueError, match="must be rising lengths"):
        wt.bucketed(pairs, 2, wrong)


def test_boundaries_share_the_sequences_out():
    lengths = RNG.permutation(np.arange(1, 1001))
    edges = wt.boundaries(lengths, 4)
    counts = np.bincount(np.digitize(lengths, edges))
    assert len(counts) == 4 and np.ptp(counts) <= 2
    common = np.array([3] * 500 + [9] * 20 + [100])
    # ties: fewer buckets, and the common length alone
    assert wt.boundaries(common, 8) == [4]
    assert wt.boundaries([1, 2], 2) == [2]


@pytest.mark.parametrize(("lengths", "buckets"), [([4, 4], 2), ([], 2), ([1, 2, 3], 1)])
def test_boundaries_need_something_to_separate(lengths, buckets):
    with pytest.raises(ValueError, match="take 2 or more of both"):
        wt.boundaries(lengths, buckets)


@pytest.mark.equation("eq-padded-share")
def test_padded_share_counts_the_cells_of_the_arrays(pairs):
    batches = list(wt.padded(pairs, 4))
    cells = np.concatenate([x.numpy().ravel() for x, _ in batches])
    lengths = [(x.numpy() != wt.PADDING).sum(axis=1) for x, _ in batches]
    assert wt.padded_share(lengths) == pytest.approx(
        np.mean(cells == wt.PADDING), abs=1e-15
    )
    assert wt.padded_share([[7, 7], [2]]) == 0


def test_buckets_at_least_halve_the_padding_of_the_corpus():
    documents, _ = text.remove_duplicates(text.corpus())
    lengths = np.array(
        [len(text.tokens(s)) + 1 for d in documents for s in d.sentences]
    )[np.random.default_rng(1).permutation(sum(len(d.sentences) for d in documents))]
    edges = wt.boundaries(lengths[:2000], 8)
    bucket = np.digitize(lengths, edges)

    def cut(some):
        return [some[i : i + 32] for i in range(0, len(some), 32)]

    plain = wt.padded_share(cut(lengths))
    buckets = [cut(lengths[bucket == b]) for b in range(len(edges) + 1)]
    bucketed = wt.padded_share([batch for batches in buckets for batch in batches])
    assert 0.55 < plain < 0.7
    assert bucketed <= plain / 2


def test_a_csv_of_ones_own_goes_all_the_way(tmp_path):
    csv = tmp_path / "comments.csv"
    csv.write_text(
        'id,body\n1,"A first one. And a second, longer one."\n2,Short.\n3,"A first."\n'
    )
    documents = text.read(csv)
    tokens = [text.tokens(s) for d in documents for s in d.sentences]
    vocabulary = text.Vocabulary.of(tokens, 8)
    encoded = text.encode(documents, vocabulary)
    wt.write(tmp_path / "s", (wt.sequence_example(ids.tolist()) for ids in encoded))
    ((x, _),) = wt.padded(wt.sentences(tmp_path / "s").map(wt.shifted), 8)
    rows = [row[row != wt.PADDING] for row in x.numpy()]
    assert [vocabulary.decode(row) for row in rows] == [
        vocabulary.decode(ids) for ids in encoded
    ] and len(rows) == 4
