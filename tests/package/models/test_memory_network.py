"""The memory network: its equations, its gradient, its reads, and the one that was trained."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled import records, tree
from unrolled.data import stories
from unrolled.gradients import gradcheck
from unrolled.models import memory_network
from unrolled.training import checkpoint

B, S, V, E, K = 4, 5, 7, 3, 3


def case(seed=0, K=K, S=S, scale=0.7):
    """Weights of order 1, bags with counts up to 2, and lengths from 1 sentence to S."""
    rng = np.random.default_rng(seed)
    p = memory_network.init(rng, V, S + 2, E, K, np.float64, scale)
    bags = rng.integers(0, 3, (B, S, V)).astype(float)
    questions = rng.integers(0, 3, (B, V)).astype(float)
    lengths = np.concatenate([[S], rng.integers(1, S + 1, B - 1)])
    mask = np.arange(S)[::-1] < lengths[:, None]
    return p, bags, questions, mask


@pytest.mark.equation(
    "eq-memory-question",
    "eq-memory-keys",
    "eq-memory-read",
    "eq-memory-update",
    "eq-memory-answer",
)
def test_forward_is_the_equations_sentence_by_sentence():
    p, bags, questions, mask = case()
    u, cache = memory_network.forward(p, bags, questions, mask)
    for b in range(B):
        real = [i for i in range(S) if mask[b, i]]
        q = questions[b] @ p.words[0]
        for k in range(1, K + 1):
            m = {
                i: bags[b, i] @ p.words[k - 1] + p.ages[k - 1, S - 1 - i] for i in real
            }
            c = {i: bags[b, i] @ p.words[k] + p.ages[k, S - 1 - i] for i in real}
            e = {i: np.exp(q @ m[i]) for i in real}
            w = {i: e[i] / sum(e.values()) for i in real}
            q = q + sum(w[i] * c[i] for i in real)
            for i in range(S):
                assert cache.weights[k - 1, b, i] == pytest.approx(
                    w.get(i, 0), rel=1e-12
                )
        np.testing.assert_allclose(u[b], q @ p.words[K].T, rtol=1e-12)


def test_float32_stays_float32():
    p, bags, questions, mask = case()
    p, bags, questions = tree.map(lambda a: a.astype(np.float32), (p, bags, questions))
    u, cache = memory_network.forward(p, bags, questions, mask)
    dp = memory_network.backward(p, cache, np.ones_like(u))
    batch = stories.Batch(bags, questions, np.zeros(B, int), mask, None)
    _, gradient = memory_network.loss_and_gradient(p, batch)
    leaves = tree.leaves((u, dp, gradient))
    assert {leaf.dtype for leaf in leaves} == {np.dtype(np.float32)}


def test_weights_begin_with_the_standard_deviation_of_the_paper():
    p = memory_network.init(np.random.default_rng(0), 40, 40, 20, 2)
    for weights in p:
        assert weights.std() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    "sizes", [(0, 5, 5, 5), (5, 0, 5, 5), (5, 5, 0, 5), (5, 5, 5, 0)]
)
def test_sizes_below_1_are_refused(sizes):
    with pytest.raises(ValueError, match="sizes must be at least 1"):
        memory_network.init(np.random.default_rng(0), *sizes)


@pytest.mark.parametrize("K", [1, 2, 3])
def test_backward_is_the_gradient_of_forward(K):
    p, bags, questions, mask = case(seed=K, K=K)
    du = np.random.default_rng(9).standard_normal((B, V))

    def loss(p):
        return float((memory_network.forward(p, bags, questions, mask)[0] * du).sum())

    _, cache = memory_network.forward(p, bags, questions, mask)
    worst = gradcheck.check(
        loss, p, memory_network.backward(p, cache, du), tolerance=1e-7
    )
    assert [m.name for m in worst] == ["words", "ages"]


def test_the_gradient_of_the_loss_is_the_mean_over_stories():
    drawn = stories.draw(np.random.default_rng(0), 2, 5, 3, 6)
    batch = stories.Batch(
        *(a.astype(float) if a.dtype.kind == "f" else a for a in drawn)
    )
    p = memory_network.init(
        np.random.default_rng(1), len(stories.VOCABULARY), 6, 4, 2, np.float64, 0.5
    )
    loss, gradient = memory_network.loss_and_gradient(p, batch)
    each = [
        memory_network.loss_and_gradient(p, stories.rows(batch, [b])) for b in range(5)
    ]
    assert loss == pytest.approx(np.mean([one for one, _ in each]), rel=1e-12)
    mean = tree.map(lambda *parts: sum(parts) / 5, *(g for _, g in each))
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-13), gradient, mean)
    rng = np.random.default_rng(2)
    direction = tree.map(lambda weight: rng.standard_normal(weight.shape), p)
    numeric = gradcheck.directional_difference(
        lambda p: memory_network.loss_and_gradient(p, batch)[0], p, direction
    )
    found = sum(float((g * d).sum()) for g, d in zip(gradient, direction, strict=True))
    assert found == pytest.approx(numeric, rel=1e-7)


def test_sentences_of_padding_change_neither_loss_nor_accuracy():
    p, bags, questions, mask = case()
    u, _ = memory_network.forward(p, bags, questions, mask)
    answers = u.argmax(axis=1)
    answers[0] = u[0].argmin()  # three of four are right
    batch = stories.Batch(bags, questions, answers, mask, None)
    padded = batch._replace(bags=bags + 100.0 * ~mask[..., None])
    assert (
        memory_network.accuracy(p, batch) == memory_network.accuracy(p, padded) == 0.75
    )
    loss, _ = memory_network.loss_and_gradient(p, batch)
    assert memory_network.loss_and_gradient(p, padded)[0] == loss
    assert loss == pytest.approx(
        np.mean(np.log(np.exp(u).sum(axis=1)) - u[np.arange(B), answers]), rel=1e-12
    )


@given(st.integers(0, 2**32 - 1))
def test_each_read_is_a_mean_and_padding_weighs_nothing(seed):
    p, bags, questions, mask = case(seed)
    _, cache = memory_network.forward(p, bags, questions, mask)
    np.testing.assert_allclose(cache.weights.sum(axis=-1), 1, rtol=1e-12)
    assert (cache.weights[:, ~mask] == 0).all() and (cache.weights[:, mask] > 0).all()


@given(st.integers(0, 2**32 - 1))
def test_padding_holds_nothing_that_matters(seed):
    p, bags, questions, mask = case(seed)
    changed = bags + 100.0 * ~mask[..., None]
    u, cache = memory_network.forward(p, bags, questions, mask)
    u_changed, cache_changed = memory_network.forward(p, changed, questions, mask)
    np.testing.assert_array_equal(u, u_changed)
    np.testing.assert_array_equal(cache.weights, cache_changed.weights)


@given(st.integers(0, 2**32 - 1), st.integers(0, S - 1))
def test_a_changed_sentence_changes_the_weights_of_every_read(seed, i):
    # no weight is so near 1 that nothing moves it
    p, bags, questions, _ = case(seed, scale=0.2)
    questions[:, 0] = 1  # a question without words would read every sentence alike
    changed = bags.copy()
    changed[:, i] += np.random.default_rng(seed).uniform(0.5, 1, V)
    before = memory_network.forward(p, bags, questions)[1].weights
    after = memory_network.forward(p, changed, questions)[1].weights
    assert (np.abs(before - after).max(axis=2) > 1e-9).all()


def test_a_batch_is_its_stories_one_by_one_without_padding():
    p, bags, questions, mask = case(3)
    together, _ = memory_network.forward(p, bags, questions, mask)
    for b in range(B):
        alone, _ = memory_network.forward(p, bags[[b]][:, mask[b]], questions[[b]])
        np.testing.assert_allclose(alone[0], together[b], rtol=1e-12)


def test_only_the_embeddings_of_age_tell_the_order():
    p, bags, questions, _ = case(4)
    order = np.random.default_rng(5).permutation(S)
    u = memory_network.forward(p, bags, questions)[0]
    assert (
        np.abs(memory_network.forward(p, bags[:, order], questions)[0] - u).max() > 1e-3
    )
    ageless = p._replace(ages=0 * p.ages)
    np.testing.assert_allclose(
        memory_network.forward(ageless, bags, questions)[0],
        memory_network.forward(ageless, bags[:, order], questions)[0],
        rtol=1e-12,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bags": np.zeros((B, 0, V))}, "a story has 1 to 7 sentences here, got 0"),
        ({"bags": np.zeros((B, 8, V))}, "a story has 1 to 7 sentences here, got 8"),
        ({"bags": np.zeros((B, S, V + 1))}, r"bags must be \(B, S, 7\)"),
        (
            {"questions": np.zeros((B + 1, V))},
            r"questions \(B, 7\), got .* and \(5, 7\)",
        ),
        (
            {"mask": np.ones((B, S + 1), bool)},
            r"the mask must be bool of \(4, 5\), got bool of \(4, 6\)",
        ),
        ({"mask": np.zeros((B, S), bool)}, "of the mask has no real position"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    p, bags, questions, mask = case()
    given = {"bags": bags, "questions": questions, "mask": mask} | change
    if "bags" in change:
        given["mask"] = None
    with pytest.raises(ValueError, match=message):
        memory_network.forward(p, **given)


def test_embeddings_of_words_and_ages_for_unlike_numbers_of_reads_are_refused():
    p, bags, questions, mask = case()
    with pytest.raises(
        ValueError, match=r"p\.ages must be \(4, L, 3\), got \(3, 7, 3\)"
    ):
        memory_network.forward(p._replace(ages=p.ages[:-1]), bags, questions, mask)


# --- the network that was trained --------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """Two reads, trained on questions that need two facts; and stories that it has not seen."""
    record = records.load("memory_network")
    settings = record["settings"]
    like = memory_network.init(
        np.random.default_rng(0),
        len(stories.VOCABULARY),
        settings["longest"],
        settings["embedding"],
        2,
    )
    p = checkpoint.load(records.FOLDER / "memory_network.npz", like)
    return p, stories.draw(
        np.random.default_rng(77), 2, 1000, longest=settings["longest"]
    )


def looks(weights, places):
    """How often the largest weight of a read is on a given place."""
    return float((weights.argmax(axis=-1) == places).mean())


def test_the_first_read_finds_who_has_it_and_the_second_where_they_are(trained):
    p, batch = trained
    weights = memory_network.forward(p, batch.bags, batch.questions, batch.mask)[
        1
    ].weights
    assert memory_network.accuracy(p, batch) >= 0.95
    assert looks(weights[0], batch.facts[:, 0]) >= 0.95
    assert looks(weights[1], batch.facts[:, 1]) >= 0.95
    # The second fact is nothing that the question alone could find: the first read never does.
    assert looks(weights[0], batch.facts[:, 1]) < 0.05


def test_without_the_first_fact_the_second_read_looks_elsewhere(trained):
    p, batch = trained
    mask = batch.mask.copy()
    mask[np.arange(len(mask)), batch.facts[:, 0]] = False
    weights = memory_network.forward(p, batch.bags, batch.questions, mask)[1].weights
    assert looks(weights[1], batch.facts[:, 1]) < 0.5


def test_without_ages_it_does_not_know_which_sentence_came_last(trained):
    p, batch = trained
    assert memory_network.accuracy(p._replace(ages=0 * p.ages), batch) < 0.8


def test_the_record_reaches_what_was_asked_of_it():
    found = records.load("memory_network")["results"]
    assert found["summary"]["one fact, 1 read"]["lowest"] >= 0.98
    assert found["summary"]["two facts, 2 reads"]["lowest"] >= 0.95
    assert found["summary"]["two facts, 1 read"]["highest"] <= 0.5
    assert len({run["seed"] for run in found["runs"]}) >= 3
