"""Small generated stories, and questions that need one of their sentences, or two of them.

People go to places and take things, and a thing goes where its holder goes:

    Ada went to the kitchen. Ben walked to the garden. Ada took the lamp. Ada moved to the attic.

"Where is Ada?" needs one sentence, the last that moves Ada. "Where is the lamp?" needs two: the
last in which somebody takes the lamp says who has it, and the last that moves this person says
where. The second sentence can be found only after the first. For every question it is known which
sentences are needed, so a model's attention can be compared with them.

The form is that of the tasks of Weston et al. (2015), sections 3.1 and 3.2; people, places, things
and rules are ours. B batch, S sentences, V words.
"""

import re
from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import names_arguments
from unrolled.data.text import Vocabulary

Array = Any

PEOPLE = ("Ada", "Ben", "Cleo", "Dan", "Eve")
PLACES = ("attic", "bakery", "cellar", "garden", "kitchen", "library", "stable")
THINGS = ("basket", "book", "key", "lamp")
MOVES = ("went", "walked", "moved")
TAKES = ("took", "grabbed")
VOCABULARY = Vocabulary(
    sorted(
        word.lower()
        for word in (
            *PEOPLE,
            *PLACES,
            *THINGS,
            *MOVES,
            *TAKES,
            "to",
            "the",
            "where",
            "is",
        )
    )
)


class Story(NamedTuple):
    """Sentences in the order in which things happen, and a question after the last."""

    sentences: tuple[str, ...]
    question: str
    answer: str  # a place
    facts: tuple[
        int, ...
    ]  # numbers of the sentences needed, in the order in which they are


class Batch(NamedTuple):
    """Stories as bags of words: how often each word of the vocabulary occurs in a sentence.

    Stories end together, so that sentence S-1 is the last of each; the shorter ones begin later.
    """

    bags: Array  # (B, S, V) float
    questions: Array  # (B, V) float
    answers: Array  # (B,) ids
    mask: Array  # (B, S) bool: True where a sentence is
    facts: Array  # (B, F): places on the axis S


@names_arguments
def story(rng, facts, S):
    """Draws a story and a question that its sentences answer.

    Args:
        rng: a ``numpy.random.Generator``.
        facts: 1 asks for a person, 2 for a thing.
        S: sentences, at least 2 for two facts.

    Returns:
        A Story.

    Raises:
        ValueError: another number of facts, or too few sentences for them.
    """
    if facts not in (1, 2) or S < facts:
        raise ValueError(
            f"need 1 or 2 facts and at least as many sentences, got {facts} and {S}"
        )
    while True:  # a story in which nothing is taken answers no question about things
        sentences, moved, taken = _events(rng, S)
        if facts == 1:
            person = _one_of(rng, sorted(moved))
            place, last_move = moved[person]
            return Story(sentences, f"Where is {person}?", place, (last_move,))
        if taken:
            thing = _one_of(rng, sorted(taken))
            holder, last_take = taken[thing]
            place, last_move = moved[holder]
            return Story(
                sentences, f"Where is the {thing}?", place, (last_take, last_move)
            )


def _events(rng, S):
    """Returns sentences, {person: (place, sentence)} and {thing: (holder, sentence)}."""
    sentences, moved, taken = [], {}, {}
    for i in range(S):
        person = _one_of(rng, PEOPLE)
        # What is in reach: what nobody has yet, and what somebody in the same place has.
        here = moved.get(person, (None,))[0]
        in_reach = [
            thing
            for thing in THINGS
            if here
            and (thing not in taken or moved[taken[thing][0]][0] == here)
            and taken.get(thing, (None,))[0] != person
        ]
        if in_reach and rng.random() < 0.4:
            thing = _one_of(rng, in_reach)
            taken[thing] = person, i
            sentences.append(f"{person} {_one_of(rng, TAKES)} the {thing}.")
        else:
            place = _one_of(rng, [place for place in PLACES if place != here])
            moved[person] = place, i
            sentences.append(f"{person} {_one_of(rng, MOVES)} to the {place}.")
    return tuple(sentences), moved, taken


def _one_of(rng, choices):
    return choices[int(rng.integers(len(choices)))]


def bag(line):
    """Returns how often each word of VOCABULARY occurs in a line, (V,) float32.

    Raises:
        ValueError: a word that the stories do not have, or no word at all.
    """
    words = re.findall(r"\w+", line.lower())
    unknown = sorted({word for word in words if word not in VOCABULARY})
    if unknown:
        raise ValueError(
            f"the stories have no word {unknown[0]!r}:"
            f" use {', '.join(VOCABULARY.words[3:])}"
        )
    if not words:
        raise ValueError(f"a sentence needs at least one word, got {line!r}")
    counts = np.zeros(len(VOCABULARY), np.float32)
    np.add.at(counts, [VOCABULARY.ids[word] for word in words], 1)
    return counts


def encode(stories):
    """Returns the Batch of some stories with questions of one kind.

    Raises:
        ValueError: no story, an empty one, questions of two kinds, or an unknown word.
    """
    if not stories:
        raise ValueError("a batch needs at least one story")
    if not all(one.sentences for one in stories):
        raise ValueError("a story without a sentence answers no question: leave it out")
    if len({len(one.facts) for one in stories}) > 1:
        raise ValueError(
            "a batch has questions that need one fact or two, not both kinds"
        )
    B, S, V = len(stories), max(len(one.sentences) for one in stories), len(VOCABULARY)
    found = Batch(
        bags=np.zeros((B, S, V), np.float32),
        questions=np.stack([bag(one.question) for one in stories]),
        answers=np.array([VOCABULARY.ids[one.answer] for one in stories]),
        mask=np.zeros((B, S), bool),
        facts=np.array([one.facts for one in stories]),
    )
    for b, one in enumerate(stories):
        before = S - len(one.sentences)
        found.bags[b, before:] = [bag(sentence) for sentence in one.sentences]
        found.mask[b, before:] = True
        found.facts[b] += before
    return found


@names_arguments
def draw(rng, facts, B, shortest=4, longest=12):
    """Draws a Batch of B stories, each of ``shortest`` to ``longest`` sentences."""
    lengths = rng.integers(shortest, longest + 1, B)
    return encode([story(rng, facts, int(S)) for S in lengths])


@names_arguments
def rows(batch, chosen):
    """Returns the Batch of some rows of a Batch, chosen as NumPy's indexing does."""
    return Batch(*(array[chosen] for array in batch))
