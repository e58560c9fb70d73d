"""The chapter "Sequences in files": what its record says, and its cells on another text."""

import csv

import pytest

from tests.support.page_cells import defined_with
from unrolled import records
from unrolled.data import text


@pytest.fixture(scope="module")
def files():
    return records.load("tfrecords")["results"]["files"]


@pytest.mark.claim(
    "sequence-examples-cost-four-times-a-small-array",
    "Whether a SequenceExample file is larger, and how much, depends on the format that it is "
    "compared with: hardly larger than 64-bit integers, twice the text, four times 16-bit "
    "integers, nine times these compressed.",
    records="tfrecords",
)
def test_the_tenfold_of_the_post_lies_where_the_chapter_says(files):
    """The sizes of the files of one corpus, which have no spread."""
    size = {name: way["bytes"] for name, way in files["ways"].items()}
    of = {name: size["sequence_tfrecord"] / n for name, n in size.items()}
    assert 1.0 < of["int64_npz"] < 1.2
    assert 1.7 < of["words_txt"] < 2.2
    assert 3.8 < of["uint16_npz"] < 4.3
    assert 8.5 < of["uint16_compressed_npz"] < 9.5
    assert 2.6 < of["example_tfrecord"] < 3.3  # "a third of the space"
    assert 4 < of["sequence_tfrecord_gz"] < 5
    assert min(size, key=lambda name: size[name]) == "uint16_compressed_npz"


@pytest.mark.claim(
    "parse-records-in-batches",
    "Parsing records in batches saves more time than any choice of format.",
    records="tfrecords",
)
def test_parsing_in_batches_saves_more_than_any_format(files):
    """The factor of parsing one by one, with the largest factor between two formats."""
    times = dict(files["times"])
    one_by_one = times.pop("one_by_one")
    formats = [1, *times.values()]
    assert one_by_one > 2 * max(formats) / min(formats)


def test_a_compressed_file_takes_no_less_time_to_read(files):
    """It is decompressed and then parsed; a single measurement once said half the time."""
    for name in ("example", "sequence"):
        plain, packed = (
            files["ways"][f"{name}_tfrecord{end}"]["read_seconds"]
            for end in ("", "_gz")
        )
        assert 1 <= packed / plain < 1.3


@pytest.mark.slow
def test_the_cells_run_on_a_csv_of_ones_own(tmp_path):
    path = tmp_path / "comments.csv"
    documents = text.corpus()[:40]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [["id", "body"], *([d.name, " ".join(d.sentences)] for d in documents)]
        )
    found = defined_with(
        "06-tensorflow/sequence-examples.md", f"text.read({str(path)!r})"
    )
    assert found["documents"][0].name.startswith("comments.csv")
    assert len(found["back"]) == len(found["sentences"]) > 50
