"""The trainings of language models: dropout around cells, states carried through documents."""

import numpy as np
import pytest

from experiments.language_models import carried_state, objectives, seeds
from experiments.language_models import gated_language_models as gated
from unrolled import tree
from unrolled.cells import gru, lstm, rnn
from unrolled.data import text
from unrolled.layers import embedding, stacked
from unrolled.models import language_model

V, H = 12, 5


def sentences(rng, number):
    return [
        np.array([1, *rng.integers(3, V, rng.integers(1, 6)), 2]) for _ in range(number)
    ]


def documents(seed, sizes):
    rng = np.random.default_rng(seed)
    return [sentences(rng, size) for size in sizes]


def parameters(cells):
    rng = np.random.default_rng(1)
    p = language_model.init(rng, V, H, stacked.of(*cells), np.float64)
    return tree.map(lambda weight: 0.5 * rng.normal(size=weight.shape), p)


@pytest.fixture
def three_streams(monkeypatch):
    monkeypatch.setattr(carried_state, "STREAMS", 3)


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_streams_read_every_sentence_once_and_in_order(three_streams, seed):
    part = documents(2, (7, 1, 4, 5, 2, 3, 3))
    rng = None if seed is None else np.random.default_rng(seed)
    streams = {}
    for batch in carried_state.batches(part, rng):
        for column, ids in enumerate(batch.inputs.T):
            length = batch.mask[:, column].sum()
            found = tuple([*ids[:length], batch.targets[length - 1, column]])
            if batch.begins[column]:
                streams.setdefault(column, []).append([])
            streams[column][-1].append(found)
    read = [document for stream in streams.values() for document in stream]
    assert sorted(read) == sorted([tuple(map(int, ids)) for ids in d] for d in part)
    lengths = [sum(map(len, stream)) for stream in streams.values()]
    assert len(lengths) == 3 and max(lengths) - min(lengths) <= 1


def test_documents_are_shuffled_within_a_stream(three_streams):
    """Of unequal lengths, all go to the same streams, and only the shuffling is left."""
    part = documents(2, range(1, 13))
    first = {
        tuple(map(int, ids))
        for seed in range(9)
        for batch in carried_state.batches(part, np.random.default_rng(seed))[:1]
        for ids in batch.targets.T
    }
    assert len(first) > 3


@pytest.mark.parametrize("cell", [rnn, gru, lstm])
@pytest.mark.parametrize("share", [0.0, 1e-12])
def test_carried_states_are_those_of_the_document_read_as_one(
    three_streams, cell, share
):
    cells = (embedding, cell)
    p = parameters(cells)
    stack = gated.with_dropout(share, np.random.default_rng(0), cells)
    part = documents(3, (4, 3, 2, 2, 1))
    read = carried_state.carrying()
    found = [
        read(stack, batch).forward(p.cell, batch.inputs)[0]
        for batch in carried_state.batches(part)
    ]
    whole = stacked.of(*cells)
    # the longest document is the first of a stream; which one, its first words say
    document = part[0]
    h, _ = whole.forward(
        p.cell, np.concatenate([ids[:-1] for ids in document])[:, None]
    )
    first = carried_state.batches(part)[0]
    (column,) = [
        i
        for i in range(3)
        if first.mask[:, i].sum() == len(document[0]) - 1
        and (first.inputs[: len(document[0]) - 1, i] == document[0][:-1]).all()
    ]
    ends = np.cumsum([len(ids) - 1 for ids in document])
    for states, ids, end in zip(found, document, ends, strict=False):
        length = len(ids) - 1
        np.testing.assert_allclose(
            states[:length, column], h[end - length : end, 0], rtol=1e-9, atol=1e-11
        )


def test_a_document_that_begins_in_a_stream_begins_with_an_empty_state(three_streams):
    cells = (embedding, lstm)
    p, stack = parameters(cells), stacked.of(*cells)
    read, begun = carried_state.carrying(), 0
    for batch in carried_state.batches(documents(8, (3, 2, 2, 2, 1, 1))):
        h = read(stack, batch).forward(p.cell, batch.inputs)[0]
        alone = stack.forward(p.cell, batch.inputs)[0]
        same = np.isclose(h, alone, rtol=1e-9, atol=1e-12).all(axis=(0, 2))
        np.testing.assert_array_equal(same, batch.begins)
        begun += batch.begins.sum()
    assert begun == 6


def test_a_document_begins_with_an_empty_state_also_after_an_epoch(three_streams):
    cells = (embedding, gru)
    p, stack = parameters(cells), stacked.of(*cells)
    epoch = carried_state.batches(documents(4, (3, 3, 2)))
    assert epoch[-1].inputs.shape[1] < 3
    read = carried_state.carrying()
    first, *_, again = [
        read(stack, batch).forward(p.cell, batch.inputs)[0]
        for batch in [*epoch, epoch[0]]
    ]
    np.testing.assert_array_equal(first, again)
    alone = stack.forward(p.cell, epoch[0].inputs)[0]
    np.testing.assert_array_equal(first, alone)


def test_dropout_around_a_cell_needs_no_weights_and_keeps_its_gradient():
    cells = (embedding, gru)
    p = parameters(cells)
    batch = text.pad(sentences(np.random.default_rng(5), 4))
    plain = language_model.loss_and_gradient(p, batch, stacked.of(*cells))
    almost = gated.with_dropout(1e-12, np.random.default_rng(0), cells)
    found = language_model.loss_and_gradient(p, batch, almost)
    for a, b in zip(tree.leaves(found), tree.leaves(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    much = gated.with_dropout(0.5, np.random.default_rng(0), cells)
    loss, dp = language_model.loss_and_gradient(p, batch, much)
    assert loss != pytest.approx(plain[0], rel=1e-6)
    assert [leaf.shape for leaf in tree.leaves(dp)] == [
        leaf.shape for leaf in tree.leaves(p)
    ]


def model():
    def cell(share, rng):
        return gated.with_dropout(share, rng, (embedding, gru))

    return seeds.Model(V, H, cell)


def test_a_stopped_training_draws_the_same_masks_again(tmp_path):
    part = sentences(np.random.default_rng(6), 200)
    data = text.Split(part, part[:20], part[:20])
    whole = list(seeds.training(model(), data, 1, 0.4, progress=False))
    path = tmp_path / "run.npz"
    for progress in seeds.training(model(), data, 1, 0.4, path, progress=False):
        if progress.epoch == 1:
            break
    rest = list(seeds.training(model(), data, 1, 0.4, path, progress=False))
    assert len(rest) < len(whole)
    assert [p.loss for p in rest] == [p.loss for p in whole[-len(rest) :]]


def test_losses_by_position_average_to_the_loss():
    part = sentences(np.random.default_rng(7), 150)
    network = model()
    p = seeds.initial(network, 0)
    batches = network.batches(part)
    found = seeds.losses_by_position(network, p, batches)
    lengths = np.array([len(ids) - 1 for ids in part])
    words = [
        np.minimum(lengths, high).sum() - np.minimum(lengths, low).sum()
        for low, high in zip(seeds.EDGES, seeds.EDGES[1:], strict=False)
    ]
    assert np.average(found, weights=words) == pytest.approx(
        seeds.mean_loss(network, p, batches), rel=1e-6
    )
    first = [
        language_model.loss(p, text.pad([ids[:3]]), network.cell(0.0, None))[0]
        for ids in part
    ]
    assert found[0] == pytest.approx(np.mean(first), rel=1e-5)


def test_words_are_counted_by_the_length_of_their_sentence():
    lengths = np.array([3, 8, 9, 40])
    found = [objectives.words_between(lengths, *span) for span in objectives.LENGTHS]
    assert found == [11, 9, 0, 40]


def test_the_share_of_dropout_with_the_lowest_validation_loss_is_chosen(monkeypatch):
    lowest = {0.0: 4.2, 0.1: 3.9, 0.3: 4.0}

    def fit(name, model, data, seed, share):
        curve = [{"validation_loss": loss} for loss in (5.0, lowest[share], 4.9)]
        return None, curve if seed == seeds.SEEDS[0] else []

    monkeypatch.setattr(seeds, "SHARES", tuple(lowest))
    monkeypatch.setattr(seeds, "fit", fit)
    assert seeds.chosen_share("a", None, None) == (0.1, lowest)


def test_the_mean_and_the_spread_are_those_of_the_seeds():
    found = [{"test": {"perplexity": value}} for value in (50.0, 53.0, 56.0)]
    assert seeds.mean_and_spread(found, "test") == {
        "perplexity": pytest.approx(53),
        "spread": pytest.approx(3),
        "of_seeds": [50, 53, 56],
    }


def test_a_study_trains_every_seed_and_measures_each(monkeypatch, tmp_path):
    monkeypatch.setattr(seeds, "RUNS", tmp_path)
    monkeypatch.setitem(seeds.BUDGET, "epochs", 2)
    part = sentences(np.random.default_rng(6), 200)
    data = text.Split(part, part[:50], part[50:90])
    kept, found = seeds.study("tiny", model(), data, 0.1, (4, 5))
    assert [seed["seed"] for seed in found["seeds"]] == [4, 5]
    assert {leaf.dtype for leaf in tree.leaves(kept)} == {np.dtype(np.float16)}
    assert found["parameters"] == sum(leaf.size for leaf in tree.leaves(kept))
    for seed in found["seeds"]:
        best = min(point["validation_loss"] for point in seed["curve"])
        assert len(seed["curve"]) == 2
        assert np.log(seed["validation"]["perplexity"]) == pytest.approx(best, abs=1e-3)
    first, second = found["test"]["of_seeds"]
    assert first != pytest.approx(second, rel=1e-4)
    # trained already: nothing is trained again
    monkeypatch.setattr(
        seeds.language_model, "loss_and_gradient", lambda *_: pytest.fail("again")
    )
    assert seeds.study("tiny", model(), data, 0.1, (4, 5))[1] == found


def test_a_curve_that_lacks_an_epoch_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(seeds, "RUNS", tmp_path)
    monkeypatch.setitem(seeds.BUDGET, "epochs", 2)
    part = sentences(np.random.default_rng(6), 100)
    data = text.Split(part, part[:20], part[20:40])
    seeds.fit("tiny", model(), data, 3, 0.1)
    path = tmp_path / "tiny-3-0.1.curve.npz"
    curve = seeds.checkpoint.load_facts(path)["curve"]
    seeds.checkpoint.save(path, (), {"curve": curve[1:]})
    with pytest.raises(ValueError, match="lacks an epoch of .*tiny-3-0.1.npz"):
        seeds.fit("tiny", model(), data, 3, 0.1)
