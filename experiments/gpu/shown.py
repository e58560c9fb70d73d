"""A record of a GPU run as a chapter prints it, or that there is none."""

import importlib

from unrolled import records


def table(kind):
    """Returns the lines of results/gpu/KIND.json, and of its parts that were left out or failed."""
    try:
        found = records.load(f"gpu/{kind}")["results"]
    except FileNotFoundError:
        return f"results/gpu/{kind}.json does not exist: no GPU has run this yet"
    lines = importlib.import_module(f"experiments.gpu.{kind}").report(found)
    for what in ("missing", "failed"):
        lines += [f"{part}: {why}" for part, why in found[what].items()]
    return "\n".join(lines)
