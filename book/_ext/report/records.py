"""```{checked} records```: every recorded result, and whether the code behind it has changed."""

from __future__ import annotations

import json

from docutils import nodes

from book._ext.evidence import record_roles
from book._ext.page.plural import many
from book._ext.report.book import Book
from book._ext.report.tables import Cell, Row, folded, sentence, table, word


def the_records(book: Book) -> list[nodes.Node]:
    """Every recorded result: what made it, when, on what, and whether it is fresh."""
    from unrolled import records

    folder = book.root / "results"
    known = record_roles.stale_records(book.root)
    rows: list[Row] = []
    stale = 0
    for path in sorted(folder.rglob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        if path.name in record_roles.OF_THE_BOOK or "code" not in record:
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        is_stale = name in known
        stale += is_stale
        script = records.script_of(record)
        seeds = record["seed"]
        seed = ", ".join(map(str, seeds)) if isinstance(seeds, list) else str(seeds)
        about = f"{record['date']}, commit {str(record['commit'])[:10]}, seed {seed}; "
        about += record_roles.device_of(record)
        what: Cell = [nodes.literal("", name), book.file(script)]
        fresh = "reproduced" if "reproduced" in record else "fresh"
        rows.append([what, about, word("stale" if is_stale else fresh)])
    line = f"{many(len(rows), 'record')}, {stale or 'none'} stale."
    on_gpus = (p.read_text("utf-8") for p in (folder / "gpu").glob("*.json"))
    if all("a software adapter, no GPU" in text for text in on_gpus):
        line += " No record of a run on a GPU exists."
    heads = ["record, script", "made", "code since"]
    fold = folded("All records", table("Recorded results", heads, rows)) if rows else []
    return [sentence(line, "checked-count"), *fold]
