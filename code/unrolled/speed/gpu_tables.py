"""The records of GPU runs as lines of text, printed by `make gpu` and by the chapters."""

import numpy as np

from unrolled import records


def ladder(found):
    """Returns the results of ``experiments.gpu.ladder`` as lines of text."""
    parts = found["parts"]
    batches = list(next(iter(parts.values())))
    lines = [
        f"{'milliseconds of a step, batch of':34}"
        + "".join(f"{B:>10}" for B in batches)
    ]
    for name, rows in parts.items():
        times = "".join(f"{1e3 * rows[B]['seconds']['median']:10.3f}" for B in batches)
        lines.append(f"{name:34}{times}")
    return lines


def fused_lstm(found):
    """Returns the results of ``experiments.gpu.fused_lstm`` as lines of text."""
    lines = []
    for name, widths in found["parts"].items():
        for H, at in widths.items():
            if "seconds" not in at:
                lines.append(
                    f"{name}, H = {H}: proved to {at['proved']:.1e}; nothing timed"
                )
                continue
            times = ", ".join(
                f"{k} {1e3 * s['median']:.2f} ms" for k, s in at["seconds"].items()
            )
            lines.append(
                f"{name}, H = {H}: {times}; cuDNN over Triton"
                f" {at['cudnn_over_triton']['median']:.2f} (aim: at least 1);"
                f" the floor {1e3 * at['floor']:.2f} ms, of which"
                f" an exchange alone {1e6 * at['exchange']:.2f} µs a step"
            )
    return lines


def saturation(found):
    """Returns the results of ``experiments.gpu.saturation`` as lines of text."""
    lines = [
        f"{'microseconds of a step, forward and backward':46}{'slope':>8}   by batch"
    ]
    for name, part in found["parts"].items():
        if name == "ceilings":
            continue
        steps = ", ".join(
            f"{B}: {1e6 * s['median']:.0f}" for B, s in part["batches"].items()
        )
        lines.append(
            f"{name:46}{1e6 * part['latency']:8.1f}   a sequence of T: {steps}"
        )
    return lines


def language_models(found):
    """Returns the results of ``experiments.gpu.language_models`` as lines of text."""
    return [
        f"{name}: H = {part['H']}, perplexity {part['perplexity']:.1f} (unigrams"
        f" {np.exp(part['unigram']):.0f}) after {len(part['curve'])} epochs,"
        f" {part['curve'][-1]['seconds']:.0f} s, on {part['corpus']}"
        for name, part in found["parts"].items()
    ]


def dates(found):
    """Returns the results of ``experiments.gpu.dates`` as lines of text."""
    return [
        f"{name}: {1e3 * part['update']:.1f} ms an update, validation loss"
        f" {part['curve'][-1]['validation']:.4f} after {part['curve'][-1]['updates']} updates"
        for name, part in found["parts"].items()
    ]


def webgpu(found):
    """Returns the results of ``experiments.gpu.webgpu`` as lines of text.

    The first line names the adapter; if it is a program for the processor, it says so.
    """
    parts = found["parts"]
    adapter = next(iter(parts.values()))["adapter"]
    what = "a software adapter, not a GPU" if adapter["software"] else adapter["kind"]
    lines = [f"{adapter['adapter']}: {what}; {adapter['backend']}, {adapter['driver']}"]
    lines.append(
        f"{'milliseconds':32}{'median':>10}{'quartiles':>24}{'dispatches':>12}"
    )
    for name, part in parts.items():
        for size, contestants in part["times"].items():
            lines.append(f"{name}, {size}")
            for contestant, at in contestants.items():
                low, high = (1e3 * q for q in at["quartiles"])
                lines.append(
                    f"  {contestant:30}{1e3 * at['median']:10.3f}"
                    f"{f'{low:.3f} to {high:.3f}':>24}{at['dispatches']:12}"
                )
        if part["stopped"]:
            lines.append(f"  stopped {part['stopped']}")
    return lines


def wgsl_training(found):
    """Returns the results of ``experiments.gpu.wgsl_training`` as lines of text."""
    lines = []
    for name, part in found["parts"].items():
        adapter = part["adapter"]
        what = ", a software adapter, not a GPU" if adapter["software"] else ""
        lines.append(
            f"{name}: loss {part['here'][0]:.2f} to {part['here'][-1]:.2f} in"
            f" {len(part['here'])} updates, off NumPy's by {part['gap']:.0e}, on"
            f" {adapter['adapter']}{what}"
        )
    return lines


TABLES = {
    "ladder": ladder,
    "fused_lstm": fused_lstm,
    "saturation": saturation,
    "language_models": language_models,
    "dates": dates,
    "webgpu": webgpu,
    "wgsl_training": wgsl_training,
}


def table(kind):
    """Returns the lines of results/gpu/KIND.json, and of its parts that were left out or failed.

    Args:
        kind: a name of TABLES.

    Raises:
        ValueError: a damaged record.
    """
    try:
        found = records.load(f"gpu/{kind}")["results"]
    except FileNotFoundError:
        return f"results/gpu/{kind}.json does not exist: no GPU has run this yet"
    lines = TABLES[kind](found)
    for what in ("missing", "failed"):
        lines += [f"{part}: {why}" for part, why in found[what].items()]
    return "\n".join(lines)
