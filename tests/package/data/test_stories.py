"""Stories: the answers are true, the facts are those needed, and bags say what a sentence says."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import stories
from unrolled.data.stories import PEOPLE, PLACES, TAKES, THINGS, VOCABULARY

seeds = st.integers(0, 2**32 - 1)


def words(line):
    return line.strip(".?").split()


def place_of(person, sentences):
    """The place in the last sentence that moves a person, read from the text; None if none does."""
    for line in reversed(sentences):
        who, verb, *_, last = words(line)
        if who == person and verb not in TAKES:
            return last
    return None


def told(sentences, question):
    """What the text answers, read backwards; None if it does not say."""
    asked = words(question)[-1]
    if asked in PEOPLE:
        return place_of(asked, sentences)
    for line in reversed(sentences):
        who, verb, *_, last = words(line)
        if verb in TAKES and last == asked:
            return place_of(who, sentences)
    return None


@given(seeds, st.sampled_from([1, 2]), st.integers(2, 20))
def test_the_answer_is_what_the_text_says(seed, facts, S):
    one = stories.story(np.random.default_rng(seed), facts, S)
    assert len(one.sentences) == S and len(one.facts) == facts
    assert told(one.sentences, one.question) == one.answer in PLACES


@given(seeds, st.sampled_from([1, 2]), st.integers(2, 20))
def test_the_facts_are_enough_and_none_can_be_left_out(seed, facts, S):
    one = stories.story(np.random.default_rng(seed), facts, S)
    kept = [one.sentences[i] for i in sorted(one.facts)]
    assert told(kept, one.question) == one.answer
    for i in one.facts:
        assert (
            told([one.sentences[j] for j in one.facts if j != i], one.question) is None
        )


def test_two_facts_lie_in_either_order_and_are_told_in_the_order_of_need():
    drawn = [stories.story(np.random.default_rng(seed), 2, 8) for seed in range(200)]
    for one in drawn:
        take, move = (words(one.sentences[i]) for i in one.facts)
        assert take[1] in TAKES and take[-1] == words(one.question)[-1]
        assert move[0] == take[0] and move[-1] == one.answer
    earlier = sum(one.facts[0] < one.facts[1] for one in drawn)
    assert 30 < earlier < 170


@given(seeds)
def test_nobody_takes_a_thing_that_is_somewhere_else(seed):
    one = stories.story(np.random.default_rng(seed), 1, 30)
    where, holder = {}, {}
    for line in one.sentences:
        who, verb, *_, last = words(line)
        if verb not in TAKES:
            assert where.get(who) != last  # a move leads somewhere else
            where[who] = last
            continue
        assert who in where
        if last in holder:
            assert holder[last] != who and where[holder[last]] == where[who]
        holder[last] = who


def test_no_place_can_be_guessed():
    rng = np.random.default_rng(0)
    for facts in (1, 2):
        answers = Counter(stories.story(rng, facts, 8).answer for _ in range(1400))
        assert set(answers) == set(PLACES)
        assert max(answers.values()) < 1.25 * 200 and min(answers.values()) > 0.75 * 200


def test_a_bag_counts_words_without_their_order():
    found = stories.bag("Ada took the lamp, the book and Ada".replace("and", "is"))
    counted = {VOCABULARY.words[i]: int(n) for i, n in enumerate(found) if n}
    assert counted == {"ada": 2, "took": 1, "the": 2, "lamp": 1, "book": 1, "is": 1}


def test_no_two_sentences_of_the_stories_have_one_bag():
    lines = [f"{who} went to the {place}." for who in PEOPLE for place in PLACES]
    lines += [f"{who} took the {thing}." for who in PEOPLE for thing in THINGS]
    assert len({stories.bag(line).tobytes() for line in lines}) == len(lines)


def test_stories_end_together_and_their_facts_move_with_them():
    short = stories.Story(("Ada went to the attic.",), "Where is Ada?", "attic", (0,))
    rng = np.random.default_rng(1)
    batch = stories.encode([short, stories.story(rng, 1, 4)])
    np.testing.assert_array_equal(batch.mask, [[False, False, False, True], [True] * 4])
    assert batch.facts[0].tolist() == [3] and not batch.bags[0, :3].any()
    np.testing.assert_array_equal(
        batch.bags[0, 3], stories.bag("Ada went to the attic.")
    )
    alone = stories.rows(stories.encode([short]), [0])
    np.testing.assert_array_equal(alone.bags[0], batch.bags[0, 3:])
    assert VOCABULARY.words[batch.answers[0]] == "attic"


def test_one_seed_draws_one_batch_of_every_length():
    one, other = (stories.draw(np.random.default_rng(3), 2, 64, 4, 9) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    assert set(one.mask.sum(axis=1)) == set(range(4, 10))


@pytest.mark.parametrize(
    ("sentences", "question", "message"),
    [
        (
            ("Ada went to the moon.",),
            "Where is Ada?",
            "no word 'moon': use ada, attic, bakery",
        ),
        (("Ada went to the attic.",), "Who has the lamp?", "no word 'has'"),
        (("...",), "Where is Ada?", "at least one word"),
        ((), "Where is Ada?", "a story without a sentence"),
    ],
)
def test_what_a_reader_may_type_wrongly_is_named(sentences, question, message):
    with pytest.raises(ValueError, match=message):
        stories.encode([stories.Story(sentences, question, "attic", (0,))])


def test_impossible_batches_and_stories_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least one story"):
        stories.encode([])
    with pytest.raises(ValueError, match="not both kinds"):
        stories.encode([stories.story(rng, 1, 4), stories.story(rng, 2, 4)])
    for facts, S in ((0, 4), (3, 4), (2, 1), (1, 0)):
        with pytest.raises(ValueError, match="1 or 2 facts"):
            stories.story(rng, facts, S)
