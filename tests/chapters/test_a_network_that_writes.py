"""The page with the first program: what it says of its run."""

from collections import Counter

import numpy as np
import pytest

from experiments.intervals import interval
from tests.support.page_cells import cells, defined

PAGE = "01-introduction/a-network-that-writes.md"


@pytest.mark.parametrize("memory", [0, 1, 2])
def test_no_table_of_the_last_characters_predicts_better_than_best_loss(memory):
    """The counts are the best table: every other one has a larger mean loss on the text."""
    (source,) = (cell for cell in cells(PAGE) if "def best_loss" in cell)
    names = {"np": np, "Counter": Counter}
    exec(source.partition("\n\nbaselines")[0], names)
    text, rng = "the dog bit the man and the man bit the dog", np.random.default_rng(0)
    places = range(memory, len(text))
    seen = {}
    for i in places:
        seen.setdefault(text[i - memory : i], []).append(text[i])
    best = np.mean(
        [
            -np.log(follow.count(text[i]) / len(follow))
            for i in places
            for follow in [seen[text[i - memory : i]]]
        ]
    )
    assert names["best_loss"](text, memory) == pytest.approx(best, rel=1e-12)
    letters = sorted(set(text))
    for _ in range(20):  # near the counts, and still worse
        table = {
            before: rng.dirichlet([1 + 50 * follow.count(c) for c in letters])
            for before, follow in seen.items()
        }
        other = [
            -np.log(table[text[i - memory : i]][letters.index(text[i])]) for i in places
        ]
        assert np.mean(other) > best


@pytest.mark.slow
@pytest.mark.claim(
    "the-writer-uses-more-than-two-characters",
    "After 4,000 updates the network's loss on the book is lower than the lowest loss of any "
    "prediction that uses only the last two characters.",
)
def test_what_the_page_says_of_its_run():
    """The interval of the mean loss of the last 200 updates with the best loss of a table."""
    ns = defined(PAGE)
    assert interval(ns["losses"][-200:])["high"] < ns["baselines"]["2 characters"] - 0.1
    losses, baselines = np.array(ns["losses"]), ns["baselines"]
    assert len(ns["characters"]) == 71 and len(losses) == 4001
    assert losses[0] == pytest.approx(baselines["no knowledge"], abs=0.1)
    averaged, updates = ns["averaged"], ns["updates"]
    passed = {
        name: updates[np.argmax(averaged < low)] for name, low in baselines.items()
    }
    assert averaged[0] < baselines["no memory"] < averaged[0] + 0.2
    assert passed["1 character"] < 300
    assert 1000 < passed["2 characters"] < 1400
    assert losses[-200:].mean() < baselines["2 characters"] - 0.1
    assert ns["share"] > 0.9
    assert "Alice" in ns["text"] and "said the" in ns["text"]
    assert len(ns["longest_copy"](ns["text"], ns["book"])) < 60


def test_the_longest_copy_is_found():
    (source,) = (cell for cell in cells(PAGE) if "def longest_copy" in cell)
    names: dict = {}
    exec(source.partition("\n\nids_written")[0], names)
    assert names["longest_copy"]("xxcat sat on ydog", "a cat sat on the dog") == (
        "cat sat on "
    )
    assert names["words"]("It's `THE Cat'") == ["it's", "the", "cat"]
