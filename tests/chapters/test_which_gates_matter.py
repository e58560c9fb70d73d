"""Which gates matter: the conclusions that the chapter draws from the recorded runs."""

import numpy as np
import pytest
from scipy import stats

from experiments.intervals import interval
from unrolled import records


def runs(record, task, method, T, measure):
    """The recorded measure of a method's runs at a length, in the order of the seeds."""
    found = records.load(record)["results"]
    found = found[task]["runs"] if task else found["runs"]
    of_method = [r for r in found if r["method"] == method and r["T"] == T]
    return np.array([r[measure] for r in sorted(of_method, key=lambda r: r["seed"])])


def test_the_gated_runs_have_the_settings_of_part_3():
    gated, plain = records.load("gated_long_tasks"), records.load("adding_problem")
    for key in (
        "hidden",
        "batch",
        "optimizer",
        "learning_rate",
        "steps",
        "checked_every",
        "precision",
    ):
        assert gated["settings"][key] == plain["settings"][key]
    assert gated["seed"] == plain["seed"]


@pytest.mark.claim(
    "gates-solve-long-additions",
    "LSTM and GRU solve every adding problem up to T = 150, and more of them at 150 than the best "
    "method of Part 3.",
    records=("gated_long_tasks", "adding_problem"),
)
def test_gates_solve_long_additions():
    """The runs solved, which are all; at T = 150 gated ones against the best method of Part 3, by
    Fisher's exact test: p < 0.05."""
    plain = records.load("adding_problem")
    gated = np.array(
        [
            runs("gated_long_tasks", "adding_problem", method, T, "solved")
            for method in ("LSTM", "GRU")
            for T in plain["results"]["T"]
        ]
    )
    assert gated.all()
    at_150 = gated.reshape(2, -1, gated.shape[-1])[:, -1]
    best = max(
        (
            runs("adding_problem", None, m, 150, "solved")
            for m in plain["settings"]["clip"]
        ),
        key=np.sum,
    )
    counts = [[at_150.sum(), (~at_150).sum()], [best.sum(), (~best).sum()]]
    assert stats.fisher_exact(counts, alternative="greater").pvalue < 0.05


@pytest.mark.claim(
    "gates-copy-worse",
    "At a wait of 10, the orthogonal tanh network copies better than LSTM and GRU within the "
    "budget.",
    records=("gated_long_tasks", "copy_task"),
)
def test_gates_copy_worse_than_an_orthogonal_matrix_within_the_budget():
    """The share of symbols right at a wait of 10, orthogonal tanh less each gated network, paired
    by seed: the lower end of the 95 % interval is above 0."""
    orthogonal = runs("copy_task", None, "orthogonal tanh", 10, "right")
    for method in ("LSTM", "GRU"):
        gated = runs("gated_long_tasks", "copy_task", method, 10, "right")
        assert interval(orthogonal - gated)["low"] > 0, method


def ablation(task, variant, value):
    """What a variant's runs on a task reached, in the order of the seeds."""
    found = records.load("gate_ablations")["results"][task]["runs"]
    of_variant = [run for run in found if run["variant"] == variant]
    seeds = [run["seed"] for run in of_variant]
    assert seeds == records.load("gate_ablations")["settings"][task]["seeds"]
    return np.array([value(run) for run in of_variant])


def cost_on_words(variant):
    """The log of a variant's test perplexity less the LSTM's: the mean and its interval."""
    own, whole = (
        ablation("words", name, lambda run: np.log(run["test"]))
        for name in (variant, "LSTM")
    )
    assert len(own) >= 5
    return interval(own - whole)


def cost_of_adding(variant, reference="LSTM"):
    """The log of the updates that a variant needs over those of the reference."""
    own, whole = (
        ablation("adding", name, lambda run: np.log(run["solved_after"]))
        for name in (variant, reference)
    )
    assert len(own) >= 5
    return interval(own - whole)


@pytest.mark.claim(
    "no-single-gate-matters-much-on-words",
    "On words, removing the forget gate makes the perplexity slightly worse; the input gate, the "
    "output gate, coupled gates and the GRU make no difference beyond the spread of the seeds; the "
    "plain network is worse than the LSTM.",
    records="gate_ablations",
)
def test_no_single_gate_matters_much_on_words():
    """The log of the test perplexity, variant less LSTM, paired by seed: without a forget gate and
    for the plain network the interval is above 0, and for the others it contains 0. No interval of
    a single gate reaches 6 %."""
    gates = ("no input gate", "no forget gate", "no output gate")
    costs = {v: cost_on_words(v) for v in (*gates, "input = 1 - forget", "GRU")}
    assert max(costs[gate]["high"] for gate in gates) < np.log(1.06)
    assert costs.pop("no forget gate")["low"] > 0
    without, whole = (
        ablation("words", v, lambda run: run["test"])
        for v in ("no forget gate", "LSTM")
    )
    assert (without > whole).all()
    for variant, cost in costs.items():
        assert cost["low"] < 0 < cost["high"], variant
    assert cost_on_words("plain RNN")["low"] > np.log(1.02)


@pytest.mark.claim(
    "some-gate-is-needed",
    "Without any gate the LSTM is far worse on words than without one of them, and solves no "
    "adding problem.",
    records="gate_ablations",
)
def test_some_gate_is_needed():
    """The log of the test perplexity, no gates less one gate fewer, paired by seed: the lower end
    is above 7 %. No run without gates is solved, at the chosen rate or at any other."""
    none = ablation("words", "no gates", lambda run: np.log(run["test"]))
    for gate in ("input", "forget", "output"):
        one_less = ablation("words", f"no {gate} gate", lambda run: np.log(run["test"]))
        assert interval(none - one_less)["low"] > np.log(1.07), gate
    adding = records.load("gate_ablations")["results"]["adding"]
    assert not any(
        run["solved_after"]
        for run in adding["runs"] + adding["choosing"]
        if run["variant"] == "no gates"
    )


@pytest.mark.claim(
    "input-and-forget-gates-matter-for-adding",
    "On the adding problem, an LSTM without its input gate or its forget gate needs several times "
    "as many updates; the output gate matters less.",
    records="gate_ablations",
)
def test_input_and_forget_gates_matter_for_adding():
    """The ratio of the updates to those of the LSTM, and to those without an output gate, paired by
    seed: the lower ends of the intervals are above 1.5 and 1."""
    for variant in ("no input gate", "no forget gate"):
        assert cost_of_adding(variant)["low"] > np.log(1.5)
        assert cost_of_adding(variant, "no output gate")["low"] > 0
    assert cost_of_adding("no input gate")["low"] > np.log(3)


@pytest.mark.claim(
    "coupled-gates-add-fastest",
    "The GRU and the LSTM with coupled gates learn to add in less than half of the updates of the "
    "LSTM; the plain network seldom learns it.",
    records="gate_ablations",
)
def test_coupled_gates_add_fastest():
    """The ratio of the updates to those of the LSTM, paired by seed: the upper ends of the
    intervals are below a half, but not for peepholes. The runs solved by the LSTM and by the plain
    network, by Fisher's exact test: p < 0.01."""
    for variant in ("GRU", "input = 1 - forget"):
        assert cost_of_adding(variant)["high"] < np.log(0.5), variant
    assert cost_of_adding("peepholes")["high"] > np.log(0.5)
    counts = []
    for variant in ("LSTM", "plain RNN"):
        solved = ablation("adding", variant, lambda run: bool(run["solved_after"]))
        counts.append([solved.sum(), (~solved).sum()])
    assert stats.fisher_exact(counts, alternative="greater").pvalue < 0.01
