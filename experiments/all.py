"""Makes the recorded results that are missing or stale, one after the other.

    python -m experiments.all            makes them
    python -m experiments.all --list     only says what it would make

Each script goes on where it was interrupted, and a record that fits the code is left as it is.
"""

import subprocess
import sys

from unrolled import records

# Record, and the arguments of `python -m` that make it; a record stands below those it builds on.
EXPERIMENTS = {
    "pocket_language_model": ("experiments.language_models.language_model", "--pocket"),
    "truncation_bias": ("experiments.language_models.truncation_bias",),
    "language_model": ("experiments.language_models.language_model",),
    "bench_ladder": ("experiments.speed.bench_ladder", "--record"),
    "adding_problem": ("experiments.long_range.adding_problem",),
    "copy_task": ("experiments.long_range.copy_task",),
    "gradient_by_distance": ("experiments.language_models.gradient_by_distance",),
    "far_words": ("experiments.language_models.far_words",),
    "gated_long_tasks": ("experiments.long_range.gated_long_tasks",),
    "rnn_language_model": ("experiments.language_models.gated_language_models", "rnn"),
    "gru_language_model": ("experiments.language_models.gated_language_models", "gru"),
    "lstm_language_model": (
        "experiments.language_models.gated_language_models",
        "lstm",
    ),
    "gru_two_layers_language_model": (
        "experiments.language_models.gated_language_models",
        "gru_two_layers",
    ),
    "lstm_two_layers_language_model": (
        "experiments.language_models.gated_language_models",
        "lstm_two_layers",
    ),
    "gated_gradient_by_distance": (
        "experiments.language_models.gated_gradient_by_distance",
    ),
    "gate_ablations": ("experiments.long_range.gate_ablations",),
    "frameworks_training": ("experiments.frameworks.frameworks_training",),
    "bench_lstm": ("experiments.speed.bench_lstm", "--record"),
    "attention_dates": ("experiments.attention.attention_dates",),
    "bottleneck": ("experiments.attention.bottleneck",),
    "hard_attention": ("experiments.attention.hard_attention",),
    "memory_network": ("experiments.attention.memory_network",),
    "turing_machine": ("experiments.attention.turing_machine",),
    "tfrecords": ("experiments.frameworks.tfrecords",),
    "unrolling": ("experiments.frameworks.unrolling",),
    "theano": ("experiments.frameworks.theano_agreement",),
    "data_parallel": ("experiments.speed.data_parallel",),
    "witness_spread": ("experiments.witness_spread",),
}


def state(name):
    """Returns "missing", "damaged", "stale" or "up to date"."""
    try:
        return "stale" if records.is_stale(records.load(name)) else "up to date"
    except FileNotFoundError:
        return "missing"
    except ValueError:
        return "damaged"


def main(arguments, experiments=EXPERIMENTS, run=subprocess.call):
    """Returns the exit status: of the first script that fails, or 0."""
    if arguments not in ([], ["--list"]):
        print("usage: python -m experiments.all [--list]", file=sys.stderr)
        return 2
    # Asked anew for each, since making one record can change the next.
    for name, command in experiments.items():
        found = state(name)
        print(f"{name}: {found}", flush=True)
        if found == "up to date" or arguments:
            continue
        if status := run([sys.executable, "-m", *command]):
            print(
                f"experiments.all: {name} ended with status {status}", file=sys.stderr
            )
            return status
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("experiments.all: stopped; the same command goes on from here")
