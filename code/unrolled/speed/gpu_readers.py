"""Records that readers made on their own GPU, in ``results/gpu/readers/``: checked, and listed.

The page *On your own GPU* writes such a record in the browser. Who wants it in the book's table
sends it by pull request.
"""

import hashlib
import json
import math
import re
from datetime import date
from pathlib import Path

from unrolled import records

FORMAT = "unrolled-webgpu-1"
KERNELS = Path(__file__).resolve().parents[1] / "webgpu"
CELLS = ("RNN", "LSTM", "GRU")
PASSES = (
    "forward, one dispatch",
    "forward, a dispatch a step",
    "backward, one dispatch",
)
RUNGS = {
    "product": ("plain", "tiled", "blocked"),
    "output layer": ("loss and gradient",),
    "update": ("descent",),
    **dict.fromkeys(CELLS, PASSES),
    "training step": ("RNN", "LSTM"),
    "scan": ("forward, scan", "forward, one invocation", "backward, scan"),
}
PROVED = (
    *(f"product, {kernel}" for kernel in RUNGS["product"]),
    "output layer",
    "update",
    *(
        f"{cell}, {direction}"
        for cell in CELLS
        for direction in ("forward", "backward")
    ),
    "training step",
    "training",
    "scan",
)
TOLERANCE = 1e-3
LONGEST = 300  # letters of a name
FIELDS = {
    "format": str,
    "date": str,
    "device": dict,
    "browser": str,
    "clock": str,
    "kernels": str,
    "proofs": list,
    "times": list,
    "left_out": list,
}
DEVICE = {
    "vendor": str,
    "architecture": str,
    "device": str,
    "description": str,
    "software": bool,
}
PROOF = {"rung": str, "gap": (int, float), "right": bool}
TIME = {
    "group": str,
    "size": str,
    "rung": str,
    "median": (int, float),
    "quartiles": list,
    "dispatches": int,
    "repeats": int,
    "work": (int, float),
    "bytes": (int, float),
}
LEFT_OUT = {"group": str, "size": str, "rung": str, "left_out": str}


def kernels():
    """Returns a digest of all kernels, which says whether a record is of these."""
    texts = [path.read_bytes() for path in sorted(KERNELS.glob("*.wgsl"))]
    return hashlib.sha256(b"\n".join(texts)).hexdigest()[:16]


def faults(record):
    """Returns what is wrong with a record, a line each; an empty list if nothing is.

    Args:
        record: what the file holds, read as JSON.
    """
    found = _of_fields("the record", record, FIELDS)
    if found:
        return found
    found = _of_fields("device", record["device"], DEVICE)
    for name, fields in (("proofs", PROOF), ("times", TIME), ("left_out", LEFT_OUT)):
        for n, row in enumerate(record[name]):
            found += _of_fields(f"{name}[{n}]", row, fields)
    if found:
        return found
    if record["format"] != FORMAT:
        found.append(f"format is {record['format']!r} instead of {FORMAT!r}")
    if not _is_date(record["date"]):
        found.append(f"date is {record['date']!r}, not a day as in 2026-11-30")
    if record["device"]["software"]:
        found.append("the device is a software adapter, not a GPU")
    if record["clock"] not in ("timestamps", "clock"):
        found.append(f"clock is {record['clock']!r}")
    if record["kernels"] != kernels():
        found.append("the kernels are not those of the book now: run them again")
    return found + _of_proofs(record["proofs"]) + _of_times(record["times"])


def _of_fields(name, row, fields):
    if not isinstance(row, dict):
        return [f"{name} is not an object"]
    found = [f"{name} lacks {key}" for key in fields if key not in row]
    found += [
        f"{name} has {key}, which is not in the format" for key in row.keys() - fields
    ]
    for key, kind in fields.items():
        value = row.get(key)
        if key in row and (
            not isinstance(value, kind)
            or (isinstance(value, bool) and kind is not bool)
            or (isinstance(value, float) and not math.isfinite(value))
        ):
            found.append(f"{name}: {key} is {value!r}")
        elif isinstance(value, str) and (
            len(value) > LONGEST or not value.isprintable()
        ):
            found.append(f"{name}: {key} is too long, or cannot be printed")
    return found


def _is_date(text):
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and bool(
            date.fromisoformat(text)
        )
    except ValueError:
        return False


def _of_proofs(proofs):
    found = [
        f"{proof['rung']} is wrong by {proof['gap']:.1e}"
        for proof in proofs
        if not proof["right"] or not 0 <= proof["gap"] <= TOLERANCE
    ]
    if sorted(proof["rung"] for proof in proofs) != sorted(PROVED):
        found.append("proofs are not those of every rung, each once")
    return found


def _of_times(times):
    found = [] if times else ["nothing was timed"]
    for row in times:
        name = f"{row['group']}, {row['rung']}, {row['size']}"
        if row["rung"] not in RUNGS.get(row["group"], ()):
            found.append(f"{name}: there is no such rung")
        low_high = row["quartiles"]
        if not (
            len(low_high) == 2
            and all(type(q) in (int, float) and math.isfinite(q) for q in low_high)
            and 0 < low_high[0] <= row["median"] <= low_high[1]
        ):
            found.append(f"{name}: the quartiles do not enclose the median")
        counts = [row[k] for k in ("dispatches", "repeats", "work", "bytes")]
        if min(counts) < 1:
            found.append(f"{name}: dispatches, repeats, work and bytes are at least 1")
    return found


def read(path):
    """Returns a reader's record.

    Raises:
        ValueError: it is no JSON, or has faults; the message is one line and names the file.
    """
    try:
        record = json.loads(Path(path).read_text("utf-8"))
    except ValueError:
        raise ValueError(f"{Path(path).name} is not JSON") from None
    if found := faults(record):
        raise ValueError(f"{Path(path).name}: {found[0]}")
    return record


def rate(record, group, rung):
    """Returns the most operations a second of a rung over all sizes; None if it was not timed."""
    rows = [r for r in record["times"] if (r["group"], r["rung"]) == (group, rung)]
    return max((r["work"] / r["median"] for r in rows), default=None)


def gain(record, group):
    """Returns how many times as long a dispatch a step takes as one dispatch, at the first size."""
    by_rung = {}
    for row in record["times"]:
        if row["group"] == group:
            by_rung.setdefault(row["rung"], row["median"])
    one, many, _ = PASSES
    return by_rung[many] / by_rung[one] if {one, many} <= by_rung.keys() else None


def table(folder=None):
    """Returns the lines of a table of all readers' records, the fastest product first.

    Raises:
        ValueError: a record has a fault.
    """
    folder = records.FOLDER / "gpu/readers" if folder is None else Path(folder)
    found = [read(path) for path in sorted(folder.glob("*.json"))]
    if not found:
        return "Nobody has sent a record yet."
    found.sort(key=lambda record: -(rate(record, "product", "blocked") or 0))
    heads = ("plain", "tiled", "blocked", "LSTM", "gain")
    lines = [
        "billions of operations in a second of the products and of an LSTM forward;",
        "how many times as long an LSTM takes with a dispatch a step",
        f"{'device':40}" + "".join(f"{head:>9}" for head in heads),
    ]
    for record in found:
        device = record["device"]
        name = ", ".join(
            filter(
                None,
                (
                    device["description"] or device["device"],
                    device["vendor"],
                    device["architecture"],
                ),
            )
        )
        rates = [rate(record, "product", kernel) for kernel in RUNGS["product"]]
        rates.append(rate(record, "LSTM", PASSES[0]))
        cells = [f"{r / 1e9:9.0f}" if r else f"{'-':>9}" for r in rates]
        times = gain(record, "LSTM")
        cells.append(f"{times:9.1f}" if times else f"{'-':>9}")
        lines.append(f"{name[:39]:40}" + "".join(cells))
    return "\n".join(lines)
