"""The exercises, each with stub, hints, check and solution.

An exercise is a module of a part's folder. It has

- ``TITLE``, ``CHAPTER`` (the page it belongs to, below ``book/``) and ``SECTION`` (the anchor of a
  heading of that page);
- ``KIND`` (one of `KIND_LABELS`), ``LEVEL`` (1 to 3) and ``MINUTES`` (an estimate for a reader who
  has read the chapter);
- ``TEXT``, what is asked, ``HINTS``, the mildest first, and ``COMMENT``, what the solution shows,
  all in MyST;
- ``STUB``, the reader's cell as it is found, and ``SOLUTION``, the cell as it could be left, in
  Python;
- ``check(answers)``, which takes the reader's namespace, raises `judging.Wrong` or returns a
  sentence for the reader who has it right.

The pages under ``book/exercises`` are written from these modules by ``make draw``.
"""

import importlib
import textwrap
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from unrolled.exercises.judging import Wrong

PACKAGE = str(Path(__file__).parents[1])
LIBRARY = str(Path(traceback.__file__).parent)  # the standard library

KIND_LABELS = {
    "derive": "derive",
    "write": "write",
    "debug": "find the bug",
    "predict": "predict",
    "open": "explore",
}

# Each part's exercises in the order of its page.
PARTS: dict[str, tuple[str, ...]] = {
    "introduction": (
        "a_writer_without_memory",
        "who_bit_whom",
        "how_hard_to_flip_a_bit",
        "sentences_that_leak",
        "any_automaton",
        "more_bits_than_units",
        "four_copies_of_one_weight",
    ),
    "language_model": (
        "the_faces_of_the_die",
        "a_model_that_never_stops",
        "the_price_of_unknown",
        "one_sentence_moves_how_many",
        "which_weights_move",
        "softmax_over_the_wrong_axis",
        "the_first_number",
        "a_perplexity_that_changes",
        "two_steps_by_hand",
        "one_matrix_to_read_and_to_say",
        "a_check_that_cannot_fail",
        "a_gradient_that_almost_fits",
        "beat_the_bigram",
        "draw_a_word",
    ),
    "bptt": (
        "one_weight_five_uses",
        "delta_by_hand",
        "backward_of_the_plain_cell",
        "passes_with_the_identity",
        "gradient_without_a_way_back",
        "name_the_truncation",
        "how_far_a_gradient_reaches",
        "radius_one",
        "clip_one_norm",
        "remember_a_bit",
    ),
    "gates": (
        "a_half_life",
        "half_of_the_memory_lost",
        "adding_without_training",
        "three_easy_mistakes",
        "before_or_after_the_matrix",
        "one_gate",
        "gates_held",
        "leaky_units_inside",
        "output_from_layer_one",
        "one_state_for_two_cells",
        "where_the_parameters_are",
        "a_small_theano",
        "weights_from_another_program",
    ),
    "attention": (
        "reversing_the_source",
        "what_a_softmax_sees",
        "three_mistakes_in_attention",
        "weights_without_a_source",
        "gradient_of_attention",
        "coverage_of_an_alignment",
        "cost_of_looking",
        "reinforce_by_hand",
        "follow_the_pointers",
        "move_a_head",
        "heads_that_mix_time",
        "reverse_by_attention",
    ),
    "tensorflow": (
        "bytes_of_a_record",
        "waste_of_padding",
        "bucket_plan",
        "padded_in_front",
        "how_many_graphs",
        "where_a_sequence_ends",
        "masks_that_get_lost",
        "turn_around_at_the_end",
        "one_cell_four_times",
        "loss_per_word",
        "numbers_to_expect",
        "weights_from_before_keras_3",
    ),
    "speed": (
        "under_which_roof",
        "one_array_for_loss_and_gradient",
        "what_makes_a_chain_faster",
        "a_fused_gru",
        "the_step_of_one_device",
    ),
    "today": (
        "four_memories_in_one_line",
        "the_way_back_of_a_scan",
        "half_after_a_thousand_steps",
        "the_second_symbol",
        "how_much_a_write_changes",
        "replace_erase_exchange",
        "mistakes_in_the_corrections",
        "momentum_while_reading",
        "a_rate_for_each_world",
        "a_scan_for_parity_only",
        "can_it_follow",
        "rearrange_by_reflections",
        "how_close_to_minus_one",
        "the_cache_of_a_hybrid",
    ),
}


class Verdict(NamedTuple):
    """Whether an answer passed, and the sentence that says so or says what is wrong."""

    passed: bool
    message: str


def names() -> list[str]:
    """Returns the names of all exercises in the book's order."""
    return [name for part in PARTS.values() for name in part]


def part_of(name: str) -> str:
    """Returns the part that an exercise belongs to.

    Raises:
        ValueError: no exercise has that name.
    """
    for part, members in PARTS.items():
        if name in members:
            return part
    raise ValueError(
        f"no exercise is named {name!r}: unrolled.exercises.names() lists them"
    )


def load(name: str) -> ModuleType:
    """Returns the module of an exercise."""
    return importlib.import_module(f"unrolled.exercises.{part_of(name)}.{name}")


def judge(name: str, answers: Mapping[str, Any]) -> Verdict:
    """Returns what is to be said of an answer; an exception of the reader's becomes a sentence.

    Args:
        name: of the exercise.
        answers: the namespace in which the reader's cell was run.
    """
    exercise = load(name)
    try:
        return Verdict(True, f"Right. {exercise.check(answers)}")
    except Wrong as wrong:
        return Verdict(False, f"Not yet. {wrong}")
    except Exception as error:
        return Verdict(False, f"Not yet. {explain(error)}")


def explain(error: Exception) -> str:
    """Returns one line on an exception: what was raised, and in which of the reader's lines."""
    told = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if (
            not frame.filename.startswith((PACKAGE, LIBRARY, "<frozen"))
            and "site-packages" not in frame.filename
        ):
            return f"Your code raises {told} (in `{frame.name}`, line {frame.lineno} of the cell)."
    return f"The check could not use what it was given: {told}."


def check(name: str, answers: Mapping[str, Any]) -> None:
    """Prints what is to be said of an answer: ``check("delta_recursion", globals())``."""
    print(textwrap.fill(judge(name, answers).message, 84, break_long_words=False))


def hint(name: str, number: int = 1) -> None:
    """Prints a hint; the first says least.

    Raises:
        ValueError: there is no hint of that number.
    """
    hints = load(name).HINTS
    if not 1 <= number <= len(hints):
        raise ValueError(
            f"{name} has hints 1 to {len(hints)}, and none of number {number}"
        )
    print(hints[number - 1])


def solution(name: str) -> None:
    """Prints the solution, and what it shows."""
    exercise = load(name)
    print(f"{exercise.SOLUTION.strip()}\n\n{exercise.COMMENT.strip()}")
