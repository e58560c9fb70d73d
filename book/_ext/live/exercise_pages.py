"""The pages of exercises, written from the modules of code/unrolled/exercises by `make draw`.

A page is a notebook like any chapter: what is asked, the reader's cell, and a cell that checks it.
Hints and solutions are not in its text, where they would spoil the notebook; the directive
{answers} (exercises_shown.py) puts them on the site, folded.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

from mdit_py_plugins.anchors.index import slugify

from unrolled import exercises

ROOT = Path(__file__).resolve().parents[3]
HEADER = """\
---
description: "{description}"
jupytext:
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
    jupytext_version: 1.19.6
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

<!-- Written by `make draw` from code/unrolled/exercises: change it there. -->
"""

DESCRIPTIONS = {  # what a search engine shows of each page
    "introduction": (
        "Exercises on what recurrent networks are, with checks that run in the page: order, "
        "parity, automata, and weights set by hand."
    ),
    "language_model": (
        "Exercises on building a language model in NumPy, with checks that run in the page: "
        "perplexity, the gradient by hand, famous bugs, training."
    ),
    "bptt": (
        "Exercises on backpropagation through time, with checks that run in the page: gradients"
        " to derive, truncations to tell apart, a bit to remember."
    ),
    "gates": (
        "Exercises on LSTM and GRU, with checks that run in the page: forget biases, weights "
        "set by hand, bugs that run silently, converted weights."
    ),
    "attention": (
        "Exercises on attention and memory, with checks that run in the page: softmax, masks, "
        "gradients, costs, and a memory with a moving head."
    ),
    "tensorflow": (
        "Exercises on recurrent networks in TensorFlow and Keras: padding, buckets, masks, two "
        "directions, the loss per word, old weights."
    ),
    "speed": (
        "Exercises on the speed of recurrent networks, none of which needs a GPU: rooflines, a "
        "loss and its gradient in one array, a fused kernel, several devices."
    ),
    "today": (
        "Exercises on the recurrent networks of today: linear recurrences that count, latch and "
        "average, writes by the delta rule, and states that learn."
    ),
}

WHERE = """\
{ref}`all-exercises` shows which of the exercises you have solved.
"""

HOW = """\
Change the cell under a problem and run its check, which tells you what is still wrong. You can work
on this page or in a notebook. On this page, first press the button above, which makes the cells
editable. Hints and a solution are folded under each problem; in a notebook, `hint("name")`,
`hint("name", 2)` and `solution("name")` print them. The times assume that you have read the
chapter.

```{code-cell} python3
from unrolled.exercises import check, hint, solution
```
"""

PROBLEM = """
({label})=
## {title}

:::{{exercise}}
:label: {label}-problem

*Level {level} of 3 · {kind} · {minutes} minutes · {place}*

{text}
:::

```{{code-cell}} python3
:exercise: {name}
{stub}
```

```{{code-cell}} python3
:check: {name}
:tags: [remove-output]
check("{name}", globals())
```

```{{answers}} {name}
```
"""


def label_of(name: str) -> str:
    """Return the anchor of an exercise, on its page and in the book."""
    return "ex-" + name.replace("_", "-")


def page_of(part: str, root: Path) -> Path:
    """Return the file of a part's exercises."""
    return root / "book/exercises" / (part.replace("_", "-") + ".md")


def heading(chapter: str, anchor: str, root: Path = ROOT) -> str:
    """Return the heading of a chapter's section that has an anchor.

    Raises:
        ValueError: no section of the chapter has that anchor.
    """
    text = (root / f"book/{chapter}.md").read_text("utf-8")
    text = re.sub(r"^(`{3,}).*?^\1\s*$", "", text, flags=re.S | re.M)
    headings = re.findall(r"^##+ (.+)$", text, re.M)
    for title in headings:
        if slugify(re.sub(r"[`$*]", "", title)) == anchor:
            return str(title)
    raise ValueError(f"book/{chapter}.md has no section #{anchor}: {headings}")


def place(exercise: ModuleType) -> str:
    """Return links to the chapter of an exercise, and to its section if it names one."""
    chapter = f"{{doc}}`/book/{exercise.CHAPTER}`"
    anchor = getattr(exercise, "SECTION", None)
    if anchor is None:
        return chapter
    title = heading(exercise.CHAPTER, anchor)
    return f"{chapter}, section [{title}](../{exercise.CHAPTER}.md#{anchor})"


def about(part: str) -> tuple[str, str]:
    """Return the title of a part's page, and the text under it."""
    words = importlib.import_module(f"unrolled.exercises.{part}").__doc__ or ""
    title, _, introduction = words.strip().partition("\n\n")
    return title.rstrip("."), introduction.strip()


def page(part: str) -> str:
    """Return the whole text of a part's page."""
    title, introduction = about(part)
    problems = "".join(problem(name) for name in exercises.PARTS[part])
    top = f"(exercises-{part.replace('_', '-')})=\n# {title}\n"
    header = HEADER.format(description=DESCRIPTIONS[part])
    return f"{header}\n{top}\n{introduction}\n\n{WHERE}\n{HOW}{problems}"


def problem(name: str) -> str:
    """Return the text of one exercise."""
    exercise = exercises.load(name)
    return PROBLEM.format(
        label=label_of(name),
        name=name,
        title=exercise.TITLE,
        level=exercise.LEVEL,
        kind=exercises.KIND_LABELS[exercise.KIND],
        minutes=exercise.MINUTES,
        place=place(exercise),
        text=exercise.TEXT.strip(),
        stub=exercise.STUB.strip(),
    )


def parts() -> list[str]:
    """Return the parts that have exercises."""
    return [part for part, names in exercises.PARTS.items() if names]


def of_chapter(chapter: str) -> list[tuple[str, ModuleType]]:
    """Return the exercises of a chapter such as `02-language-model/training`, with their names."""
    every = ((name, exercises.load(name)) for name in exercises.names())
    return [(name, module) for name, module in every if chapter == module.CHAPTER]


def pages(root: Path) -> dict[Path, str]:
    """Return what each page of exercises should hold."""
    if not (root / "book/exercises").is_dir():
        return {}
    return {page_of(part, root): page(part) for part in parts()}


def answers(name: str) -> str:
    """Return the MyST text of an exercise's hints and solution, each folded."""
    exercise = exercises.load(name)
    boxes = [
        f":::{{admonition}} Hint {number}\n:class: dropdown hint\n{text.strip()}\n:::\n"
        for number, text in enumerate(exercise.HINTS, 1)
    ]
    fence = "`" * (
        3 + max((len(m) for m in re.findall("`+", exercise.SOLUTION)), default=0)
    )
    solved = f"{fence}python\n{exercise.SOLUTION.strip()}\n{fence}\n\n{exercise.COMMENT.strip()}"
    boxes.append(
        f"::::{{solution}} {label_of(name)}-problem\n:class: dropdown\n\n{solved}\n::::\n"
    )
    return "\n".join(boxes)
