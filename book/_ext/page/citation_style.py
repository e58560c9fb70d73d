"""How the book cites: by authors and year, "[Pascanu et al., 2013]" and "Britz [2015c]".

A letter tells apart what the same authors wrote in one year; the bibliography shows it too, since
it is part of an entry's label.
"""

from __future__ import annotations

import calendar
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pybtex.backends.plaintext import Backend
from pybtex.database import Entry
from pybtex.plugin import register_plugin as register_style
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style as Plain
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting.author_year_title import SortingStyle
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import (
    BracketStyle,
    GroupReferenceStyle,
    PersonStyle,
)
from sphinxcontrib.bibtex.style.referencing.basic_label import (
    BasicLabelParentheticalReferenceStyle,
    BasicLabelTextualReferenceStyle,
)
from sphinxcontrib.bibtex.style.template import (
    join,
    join2,
    node,
    post_text,
    pre_text,
    reference,
)

NAME = "author_and_year"


@node
def year(children: list, data: dict[str, Any]) -> Text:
    """Insert the year of an entry, with its letter."""
    return Text(data["formatted_entry"].label.rpartition(", ")[2])


@dataclass
class Textual(BasicLabelTextualReferenceStyle):
    """The authors in the sentence, the year in brackets."""

    def inner(self, role_name: str) -> Any:
        """Return the template of one citation."""
        return join(sep=self.text_reference_sep)[
            self.person.author_or_editor_or_title(full="s" in role_name),
            join[
                self.bracket.left,
                join2(sep1=self.pre_text_sep, sep2=self.post_text_sep)[
                    pre_text, reference[year], post_text
                ],
                self.bracket.right,
            ],
        ]


@dataclass
class Citing(GroupReferenceStyle):
    """`{cite:p}` and `{cite:t}`."""

    person: PersonStyle = field(default_factory=lambda: PersonStyle(other=" et al."))

    def __post_init__(self) -> None:
        """Put the two together."""
        in_brackets = BasicLabelParentheticalReferenceStyle(BracketStyle(sep="; "))
        self.styles += [in_brackets, Textual(person=self.person)]
        super().__post_init__()


TEXT = (
    Backend()
)  # found once: `render_as` looks through all installed packages each time


class Labels(BaseLabelStyle):
    """An entry's label is what cites it in brackets."""

    def format_labels(self, sorted_entries: list[Entry]) -> Iterator[str]:
        """Yield the labels of entries that stand in the bibliography's order."""
        style = Citing()
        names = style.person.author_or_editor_or_title(full=False)
        plain = []
        for entry in sorted_entries:
            authors = names.format_data({"entry": entry, "style": style}).render(TEXT)
            plain.append(f"{authors}, {entry.fields['year']}")
        for i, label in enumerate(plain):
            yield label + string.ascii_lowercase[plain[:i].count(label)] * (
                plain.count(label) > 1
            )


class ByDate(SortingStyle):
    """By authors, then by date."""

    def sorting_key(self, entry: Entry) -> tuple:
        """Return authors, year, month and day, as far as they are known, and title."""
        authors, year, title = super().sorting_key(entry)
        months = [name.lower() for name in calendar.month_name]
        month = entry.fields.get("month", "").lower()
        day = int(entry.fields.get("day", 0))
        return authors, year, months.index(month), day, title


class Style(Plain):
    """The bibliography: plain, in the order and with the labels above."""

    default_label_style = Labels
    default_sorting_style = ByDate


def setup(app: Any) -> dict[str, bool]:
    """Register the style under the name that _config.yml gives."""
    register_style("pybtex.style.formatting", NAME, Style, force=True)
    register_plugin("sphinxcontrib.bibtex.style.referencing", NAME, Citing, force=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
