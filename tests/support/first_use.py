"""Where each term and symbol of the book is used first, page by page in reading order.

`python -m tests.support.first_use` prints the table. What the glossary explains is a term, what
the page of notation lists is a symbol. A reader who begins with the primer reads paragraphs,
lists, tables and formulas; titles, code, captions and folded boxes are left out.

A term counts as defined at its first use where

- it stands in **bold** or *emphasis* in the same paragraph, which is how the book introduces it, or
- a link in the same sentence leads to a page that introduces it so or that its entry names.

A symbol counts as defined where one of its names stands in the paragraph, list, table or formula
of its first use, or in one that adjoins it. Its names are the words of the page of notation: how
its meaning begins, and how the code calls it.
"""

import re
from collections import Counter
from typing import NamedTuple

import yaml

from book._ext.page import glossary_links
from tests.support.paths import ROOT

# Nobody reads these from beginning to end.
LOOKED_UP = ("book/notation", "book/reference/")
# Of the words that are too common for a link, these stand here in an everyday sense, too.
EVERYDAY = {"cell", "query, key, value", "scan", "state"}
# Pages that give a symbol a meaning of their own, and say so.
OWN_MEANING = {
    (r"$\sigma$", "book/02-language-model/initialisation"),  # a standard deviation
    ("$g_t$", "book/02-language-model/optimizers"),  # a gradient
    ("$N$", "book/05-attention/the-cost-of-attention"),  # the number of symbols
}

# Sources of pages.
HIDDEN = re.compile(r"\A---\n.*?\n---\n|<!--.*?-->", re.DOTALL)
FENCE = re.compile(r"\s*(`{3,}|:{3,})(\{[^}]*\})?")
NO_TEXT = {
    "{answers}",
    "{code-cell}",
    "{gpu-readers}",
    "{own-gpu}",
    "{record-origin}",
    None,
}
LABEL = re.compile(r"^\s*\(([\w-]+)\)=$", re.MULTILINE)
TITLE_OR_OPTION = re.compile(r"\s*#+ |:[\w-]+:|\s*\([\w-]+\)=$")
FORMULA = re.compile(r"\$\$(.*?)\$\$|\$([^$]*)\$", re.DOTALL)
DISPLAYED = re.compile(r"(\$\$.*?\$\$)(?: \(eq-[\w-]+\))?", re.DOTALL)
ROLE = re.compile(r"\{([\w:-]+)\}`([^`]*)`")
CODE = re.compile(r"(`+)[^`].*?\1", re.DOTALL)
EMPHASIS = re.compile(r"(\*\*|\*)(?=\S)((?:(?!\1).)+?)\1", re.DOTALL)
SENTENCE_END = re.compile(r"(?<=[.?!])\**\s+(?=[^a-z])")
# In prose(), a link is \1target\2 before its words.
TARGET = re.compile("\1([^\2]*)\2")
# In formulas, what looks like a symbol and is none.
LETTERS = re.compile(r"\\(?:math\w+|operatorname\*?|text) *(?:\{[^}]*\}|\b[A-Z]\b)")

# The page of notation; the letters of this section are those of one part.
PAGES_OF_SECTION = {
    "Attention": "book/05-attention/",
    "Linear recurrences": "book/08-today/",
}
ROW = re.compile(r"^\| \$.*\|$", re.MULTILINE)
COMMA = re.compile(r",\s*(?![^{(]*[})])")
NAME_ENDS = re.compile(r"[;:(.]|, where|\b(?:across|after|at|in|of|that|with)\b")
WORD = re.compile(r"[a-z][a-z-]{2,}")
NO_NAME = set("all also any call each how much part read the together".split())


class Term(NamedTuple):
    """An entry of the glossary: its name, what finds it, and the labels that it refers to."""

    name: str
    found_by: re.Pattern
    labels: tuple


class Symbol(NamedTuple):
    """A row of the page of notation: a symbol, what finds it, its names, and on which pages."""

    name: str
    found_by: re.Pattern
    words: frozenset
    pages: str


class Use(NamedTuple):
    """The first use of a term or symbol: its page, its context, and what defines it there."""

    name: str
    page: str
    context: str
    defined_by: str


def reading_order(root=ROOT):
    """Returns the text of each page that is read from beginning to end."""
    return {name: (root / f"{name}.md").read_text("utf-8") for name in parts(root)}


def parts(root=ROOT):
    """Returns the part of each page that is read from beginning to end; the primer's is 0."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    return {
        page["file"]: number
        for number, part in enumerate(toc["parts"])
        for page in part["chapters"]
        if not page["file"].startswith(LOOKED_UP)
    }


def paragraphs(page):
    """Returns the paragraphs, lists, tables and formulas of a page, with their marks."""
    text = "\n".join(_visible(HIDDEN.sub("", page).splitlines()))
    text = DISPLAYED.sub(r"\n\n\1\n\n", text)
    return [block for block in re.split(r"\n\s*\n", text) if block.strip()]


def _visible(lines):
    """Yields the lines outside code, folded boxes, titles and options, and blank ones."""
    fences = []
    for at, line in enumerate(lines):
        fence = FENCE.match(line)
        shown = all(is_shown for _, is_shown in fences)
        if fence and fences and line.strip() == fences[-1][0]:
            fences.pop()
        elif fence and (not fences or fences[-1][0][0] == ":"):
            folded = ":class: dropdown" in lines[at + 1 : at + 4]
            fences.append((fence[1], fence[2] not in NO_TEXT and not folded))
        elif shown and not TITLE_OR_OPTION.match(line):
            yield line
            continue
        yield ""


def prose(block):
    """Returns a paragraph without its formulas, code and quotations of numbers."""
    return CODE.sub(" ", ROLE.sub(_role, FORMULA.sub(" ", block)))


def _role(role):
    if role[1] not in ("ref", "doc"):
        return " "
    words, _, target = role[2].rpartition("<")
    return "\1" + target.rstrip(">").lstrip("/") + "\2" + words


def without_targets(text):
    """Returns the words of a paragraph, each at the position that it had."""
    return TARGET.sub(lambda link: "\3" * len(link[0]), text)


def terms(glossary):
    """Returns the terms of the glossary, save those that are everyday words."""
    found = []
    entries = glossary.partition("```{glossary}\n")[2].partition("```")[0]
    for entry in re.split(r"\n\n+", entries.strip()):
        name, _, definition = entry.partition("\n")
        labels = TARGET.findall(prose(definition))
        names = glossary_links.other_names(name, definition.strip())
        term = glossary_links.Term(name, "", names, definition, tuple(labels))
        if name not in EVERYDAY:
            finder, _ = glossary_links.pattern([term])
            found.append(Term(name, finder, term.labels))
    return found


def symbols(notation):
    """Returns each symbol of the page of notation, once for each section that lists it."""
    names = {}
    for section in notation.split("\n## "):
        pages = PAGES_OF_SECTION.get(section.partition("\n")[0], "")
        for row in ROW.findall(section):
            formulas, code, *_, meaning = (x.strip() for x in row.strip("|").split("|"))
            meaning = re.sub(r"^(?:LSTM|GRU): |^\W+", "", FORMULA.sub("", meaning))
            said = NAME_ENDS.split(meaning, maxsplit=1)[0]
            called = " ".join(re.findall(r"`([^`]*)`", code)).replace("_", " ")
            words = set(WORD.findall(f"{said} {called}".lower())) - NO_NAME
            for formula in FORMULA.findall(formulas):
                for name in COMMA.split(formula[1]):
                    names.setdefault((name, pages), set()).update(words)
    names.pop((r"\dots", ""), None)
    return [
        Symbol(name, _finder(name), frozenset(words), pages)
        for (name, pages), words in names.items()
    ]


def _finder(name):
    """Returns what finds a symbol in a formula; its index t stands for any step."""
    latex = re.escape(name)
    if name.endswith("_t"):
        latex = re.escape(name[:-2]) + r"_(?:[tTkjs\d]|\{[tTkjs][^}]*\})"
    latex = re.sub(r"\\ v(?=\\ |$)", lambda _: r"\s*\\?\w+", latex)  # any quantity v
    return re.compile(rf"(?<![A-Za-z\\]){latex}(?![A-Za-z_])")


def says(words, block):
    """Returns whether a paragraph has one of the words, in singular or plural."""
    text = without_targets(prose(block)).lower()
    return not {*map(_singular, words)}.isdisjoint(map(_singular, WORD.findall(text)))


def _singular(word):
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def first_uses(pages, of_terms, of_symbols):
    """Returns the first use of each term and symbol on pages, name: text, in reading order."""
    read = {name: paragraphs(text) for name, text in pages.items()}
    homes = {
        label: name for name, text in pages.items() for label in LABEL.findall(text)
    }
    uses = [_use_of_term(term, read, homes) for term in of_terms]
    uses += [_use_of_symbol(symbol, read) for symbol in of_symbols]
    places = {name: place for place, name in enumerate(pages)}
    return sorted(filter(None, uses), key=lambda use: places[use.page])


def introduces(term, block):
    """Returns whether a term is emphasised in a paragraph."""
    text = without_targets(prose(block))
    return any(term.found_by.search(part[2]) for part in EMPHASIS.finditer(text))


def _use_of_term(term, read, homes):
    named = {homes[label] for label in term.labels if label in homes}
    introduced = {
        name
        for name, blocks in read.items()
        if any(introduces(term, block) for block in blocks)
    }
    for page, blocks in read.items():
        for block in blocks:
            text = prose(block)
            found = term.found_by.search(without_targets(text))
            if not found:
                continue
            sentence = _sentence_around(found.start(), text)
            targets = {homes.get(x, x) for x in TARGET.findall(sentence)}
            defined_by = ""
            if introduces(term, block):
                defined_by = "introduced"
            elif targets & (named | introduced):
                defined_by = "linked"
            context = " ".join(TARGET.sub("", sentence).split())
            return Use(term.name, page, context, defined_by)
    return None


def _sentence_around(place, text):
    ends = [0, *(end.end() for end in SENTENCE_END.finditer(text)), len(text)]
    begin = max(end for end in ends if end <= place)
    return text[begin : min(end for end in ends if end > place)]


def _use_of_symbol(symbol, read):
    for page, blocks in read.items():
        elsewhere = not page.startswith(symbol.pages)
        if elsewhere or (f"${symbol.name}$", page) in OWN_MEANING:
            continue
        for at, block in enumerate(blocks):
            latex = formula_with(symbol, block)
            if latex:
                near = blocks[max(0, at - 1) : at + 2]
                said = any(says(symbol.words, block) for block in near)
                defined_by = "said in words" if said else ""
                return Use(f"${symbol.name}$", page, f"${latex}$", defined_by)
    return None


def formula_with(symbol, block):
    """Returns the first formula of a paragraph that has a symbol, or nothing."""
    for formula in FORMULA.finditer(block):
        latex = LETTERS.sub(" ", formula[1] or formula[2] or "")
        if symbol.found_by.search(latex):
            return " ".join(latex.split())
    return ""


def in_book(root=ROOT):
    """Returns the first uses in the book."""
    glossary = (root / f"{glossary_links.GLOSSARY}.md").read_text("utf-8")
    notation = (root / "book/notation.md").read_text("utf-8")
    return first_uses(reading_order(root), terms(glossary), symbols(notation))


def main():
    """Prints the first uses page by page, and for each part how many are not defined."""
    uses = in_book()
    page = ""
    for use in uses:
        if use.page != page:
            page = use.page
            print(f"\n{page}")
        print(f"  {use.name:<28} {use.defined_by or 'NOT DEFINED':<13} {use.context}")
    print("\npart, first uses, first uses before a definition")
    part = parts()
    early = Counter(part[use.page] for use in uses if not use.defined_by)
    for number, count in Counter(part[use.page] for use in uses).items():
        print(f"{number:>4} {count:>11} {early[number]:>32}")


if __name__ == "__main__":
    main()
