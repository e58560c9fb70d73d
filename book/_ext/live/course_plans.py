"""{course-plan} 6 and 12: the weeks of a course, with links to its chapters and exercises.

The minutes of the exercises are added up from their modules.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from book._ext.live import exercise_pages
from unrolled import exercises


class Week(NamedTuple):
    """A week: its subject, its chapters (a folder and the names in it) and its exercises."""

    subject: str
    folder: str
    chapters: str
    exercises: str


TWELVE = (
    Week(
        "What recurrent networks are",
        "01-introduction",
        "a-network-that-writes sequences-and-memory shapes-of-sequence-problems",
        "a_writer_without_memory who_bit_whom how_hard_to_flip_a_bit",
    ),
    Week(
        "The unrolled network",
        "01-introduction",
        "the-unrolled-graph how-they-are-trained bidirectional-and-deep",
        "four_copies_of_one_weight sentences_that_leak more_bits_than_units",
    ),
    Week(
        "Text and probabilities",
        "02-language-model",
        "language-modelling text-to-tensors parameters forward-and-loss",
        "the_faces_of_the_die the_price_of_unknown softmax_over_the_wrong_axis",
    ),
    Week(
        "The gradient, and how to check it",
        "02-language-model",
        "the-gradient gradient-checking matrix-products",
        "two_steps_by_hand which_weights_move a_check_that_cannot_fail",
    ),
    Week(
        "Training and generating",
        "02-language-model",
        "training optimizers training-results generating",
        "the_first_number a_perplexity_that_changes draw_a_word",
    ),
    Week(
        "Backpropagation through time",
        "03-bptt",
        "the-chain-rule-through-time the-delta-recursion five-ways-to-one-gradient",
        "one_weight_five_uses delta_by_hand backward_of_the_plain_cell",
    ),
    Week(
        "Gradients that vanish and explode",
        "03-bptt",
        "vanishing-and-exploding the-cliff remedies truncation",
        "how_far_a_gradient_reaches radius_one clip_one_norm name_the_truncation",
    ),
    Week(
        "The LSTM",
        "04-gates",
        "the-lstm the-gradient-of-an-lstm variants",
        "a_half_life adding_without_training three_easy_mistakes",
    ),
    Week(
        "The GRU, and what gates do",
        "04-gates",
        "the-gru training-gated-language-models what-gates-do",
        "before_or_after_the_matrix one_gate where_the_parameters_are",
    ),
    Week(
        "Attention",
        "05-attention",
        "the-bottleneck attention alignments",
        "reversing_the_source what_a_softmax_sees three_mistakes_in_attention",
    ),
    Week(
        "From attention to the Transformer",
        "05-attention",
        "the-cost-of-attention self-attention the-transformer",
        "weights_without_a_source cost_of_looking heads_that_mix_time",
    ),
    Week(
        "Padding and masks in a framework",
        "06-tensorflow",
        "a-whole-model batching-and-padding lengths-and-masks",
        "waste_of_padding where_a_sequence_ends loss_per_word",
    ),
)
SIX = (
    Week(
        "What recurrent networks are",
        "01-introduction",
        "a-network-that-writes sequences-and-memory the-unrolled-graph",
        "a_writer_without_memory who_bit_whom four_copies_of_one_weight",
    ),
    Week(
        "A language model",
        "02-language-model",
        "language-modelling parameters forward-and-loss training",
        "the_faces_of_the_die softmax_over_the_wrong_axis the_first_number",
    ),
    Week(
        "Backpropagation through time",
        "03-bptt",
        "the-chain-rule-through-time the-delta-recursion",
        "one_weight_five_uses delta_by_hand",
    ),
    Week(
        "Gradients that vanish and explode",
        "03-bptt",
        "vanishing-and-exploding remedies",
        "how_far_a_gradient_reaches radius_one clip_one_norm",
    ),
    Week(
        "LSTM and GRU",
        "04-gates",
        "the-lstm the-gru",
        "a_half_life three_easy_mistakes before_or_after_the_matrix",
    ),
    Week(
        "Attention",
        "05-attention",
        "the-bottleneck attention self-attention",
        "what_a_softmax_sees three_mistakes_in_attention weights_without_a_source",
    ),
)
PLANS = {"6": SIX, "12": TWELVE}


class CoursePlan(SphinxDirective):
    """The plan of the course that has this number of weeks."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the numbered list of the weeks."""
        if (number := self.arguments[0]) not in PLANS:
            raise self.error(f"there is no course of {number} weeks")
        plan = PLANS[number]
        for name in exercise_names(plan):
            self.env.note_dependency(str(exercises.load(name).__file__))
        text = "\n\n".join(f"1. {line(week)}" for week in plan)
        total = f"\n\nThe exercises take {minutes(plan)} minutes in all."
        box = nodes.container(classes=["course-plan"])
        lines = StringList((text + total).splitlines(), source=self.env.docname)
        self.state.nested_parse(lines, self.content_offset, box)
        return box.children


def line(week: Week) -> str:
    """Return a week in MyST: its subject, its chapters, and its exercises with their minutes."""
    chapters = ", ".join(
        f"{{doc}}`/book/{week.folder}/{name}`" for name in week.chapters.split()
    )
    tasks = ", ".join(
        f"{{ref}}`{module.TITLE} <{exercise_pages.label_of(name)}>` ({module.MINUTES} min)"
        for name in week.exercises.split()
        if (module := exercises.load(name))
    )
    return f"**{week.subject}.** {chapters}. *Exercises:* {tasks}."


def minutes(plan: tuple[Week, ...]) -> int:
    """Return how long the exercises of a plan take."""
    return sum(exercises.load(name).MINUTES for name in exercise_names(plan))


def exercise_names(plan: tuple[Week, ...]) -> list[str]:
    """Return the names of the exercises of a plan, in order."""
    return [name for week in plan for name in week.exercises.split()]


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("course-plan", CoursePlan)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
