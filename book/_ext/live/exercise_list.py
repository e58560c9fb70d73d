"""All exercises on one page: the directive {exercise-list}.

The list is complete without scripts. exercises.js adds a box to each exercise, ticked if it is
solved in this browser, and puts into the counts how many are open.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from book._ext.live import answers_file, exercise_pages
from unrolled import exercises


class ExerciseList(SphinxDirective):
    """All exercises of the book, with a section for each part."""

    def run(self) -> list[nodes.Node]:
        """Return the count of all, and the sections."""
        for name in exercises.names():
            self.env.note_dependency(str(exercises.load(name).__file__))
        count = counted(exercises.names())
        total = nodes.paragraph("", count, classes=["exercise-count", "of-all"])
        return [
            total,
            answers_file.bar(),
            *(self.of_part(part) for part in exercise_pages.parts()),
        ]

    def of_part(self, part: str) -> nodes.section:
        """Return the section of a part."""
        title, _ = exercise_pages.about(part)
        name = title.removeprefix("Exercises: ")
        names = exercises.PARTS[part]
        number = 1 + list(exercises.PARTS).index(part)
        anchor = nodes.make_id(f"list-{part}")
        section = nodes.section(ids=[anchor], names=[anchor], classes=["exercise-list"])
        section += nodes.title("", f"Part {number}: {name}")
        section += nodes.paragraph("", counted(names), classes=["exercise-count"])
        lines = StringList([line(name) for name in names], source=self.env.docname)
        self.state.nested_parse(lines, self.content_offset, section)
        return section


def line(name: str) -> str:
    """Return the line of an exercise: links to it and to its section, and what it asks for."""
    exercise = exercises.load(name)
    about = f"{exercises.KIND_LABELS[exercise.KIND]} · level {exercise.LEVEL}"
    return (
        f"- {{ref}}`{exercise.TITLE} <{exercise_pages.label_of(name)}>` · "
        f"{exercise_pages.place(exercise)} · {about} · {exercise.MINUTES} minutes"
    )


def counted(names: Iterable[str]) -> str:
    """Return how many exercises there are, and how long they take."""
    minutes = [exercises.load(name).MINUTES for name in names]
    total = sum(minutes)
    time = f"{total} minutes" if total < 120 else f"about {round(total / 60)} hours"
    return f"{len(minutes)} exercises, {time}."


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("exercise-list", ExerciseList)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
