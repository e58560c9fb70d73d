"""Keras computes what the NumPy networks compute, with the same weights: values and gradients."""

import numpy as np
import pytest

from tests.support import registered_cells
from tests.support.cell_cases import cell_case, shaken
from unrolled import tree
from unrolled.cells import coupled_lstm, gru, gru_reset_after, lstm, peephole_lstm, rnn
from unrolled.data import text
from unrolled.frameworks import agreement, keras_models
from unrolled.frameworks.quiet_tensorflow import keras
from unrolled.layers import bidirectional, embedding, stacked
from unrolled.models import language_model
from unrolled.training import optimizers

# Keras itself copies weights in a way that NumPy 2 is about to forbid.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)

SIZES = T, B, D, H = 7, 3, 4, 6
V = 9
LENGTHS = np.array([7, 4, 1])
MASK = np.arange(T)[:, None] < LENGTHS
AGREED = 1e-10
REGISTERED = registered_cells.cells("Keras")


def why_not(cell):
    """Returns why Keras has no layer for a cell; None if it has one."""
    try:
        keras_models.layers(cell.init(np.random.default_rng(0), 2, 3))
    except ValueError as error:
        return str(error)
    return None


ALONE = {name: cell for name, cell in REGISTERED.items() if not why_not(cell)}
CELLS = ALONE | {"stacked": stacked.of(gru, lstm, rnn)}
each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def assert_agree(found, wanted):
    """Every array within 1e-10 of the largest entry of its counterpart."""
    pairs = zip(
        tree.named_leaves(tuple(found)), tree.leaves(tuple(wanted)), strict=True
    )
    for (name, ours), theirs in pairs:
        assert (ours is None) == (theirs is None), name
        if ours is not None:
            assert ours.shape == theirs.shape and np.abs(theirs).max() > 1e-3, name
            assert np.abs(ours - theirs).max() <= AGREED * np.abs(theirs).max(), name


@pytest.mark.parametrize("name", REGISTERED)
def test_every_cell_of_keras_has_its_layer(name):
    problem = why_not(REGISTERED[name])
    assert not problem, (
        f"{problem}: write a case for {name}.Params in _recurrent,"
        " code/unrolled/frameworks/keras_models.py"
    )


@each_cell
def test_states_and_gradients_are_those_of_numpy(cell):
    p, x, state, dh = cell_case(cell, *SIZES)
    h, cache = cell.forward(p, x, *state)
    assert_agree((keras_models.forward(p, x, *state),), (h,))
    assert_agree(keras_models.backward(p, x, dh, *state), cell.backward(p, cache, dh))


@each_cell
def test_without_states_a_sequence_begins_at_zero(cell):
    p, x, _, dh = cell_case(cell, *SIZES, seed=1)
    h, cache = cell.forward(p, x)
    assert_agree((keras_models.forward(p, x),), (h,))
    dp, dx = keras_models.backward(p, x, dh)
    assert_agree((dp, dx), cell.backward(p, cache, dh)[:2])


@pytest.mark.parametrize("cell", [*CELLS.values(), stacked.of(embedding, gru, lstm)])
def test_ids_pick_rows(cell):
    p, _, state, dh = cell_case(cell, *SIZES, seed=2)
    ids = np.random.default_rng(3).integers(0, D, (T, B))
    _, cache = cell.forward(p, ids, *state)
    assert_agree(keras_models.backward(p, ids, dh, *state), cell.backward(p, cache, dh))


@each_cell
def test_masked_steps_are_as_if_they_were_not_there(cell):
    """Each sequence alone, cut to its length: nothing there can be masked wrongly."""
    p, x, state, dh = cell_case(cell, *SIZES, seed=4)
    dh = dh * MASK[..., None]
    h = keras_models.forward(p, x, *state, mask=MASK)
    found = keras_models.backward(p, x, dh, *state, mask=MASK)
    total = tree.map(np.zeros_like, p)
    for b, length in enumerate(LENGTHS):
        one = [s[[b]] for s in state]
        h_b, cache = cell.forward(p, x[:length, [b]], *one)
        dp_b, dx_b, *dstate_b = cell.backward(p, cache, dh[:length, [b]])
        total = tree.map(np.add, total, dp_b)
        np.testing.assert_allclose(h[:length, b], h_b[:, 0], atol=AGREED)
        np.testing.assert_allclose(
            h[length:, b], np.tile(h_b[-1], (T - length, 1)), atol=AGREED
        )
        np.testing.assert_allclose(found[1][:length, b], dx_b[:, 0], atol=AGREED)
        assert not found[1][length:, b].any()
        for ours, theirs in zip(found[2:], dstate_b, strict=True):
            np.testing.assert_allclose(ours[b], theirs[0], atol=AGREED)
    assert_agree((found[0],), (total,))


@pytest.mark.parametrize("cell", ALONE.values(), ids=ALONE)
def test_bidirectional_on_a_padded_batch(cell):
    rng = np.random.default_rng(5)
    p = shaken(bidirectional.init(rng, D, H, cell), rng)
    x = rng.standard_normal((T, B, D))
    dh = rng.standard_normal((T, B, 2 * H)) * MASK[..., None]
    h, cache = bidirectional.forward(p, x, cell, LENGTHS)
    found = keras_models.forward(p, x, mask=MASK)
    np.testing.assert_allclose(found[MASK], h[MASK], atol=AGREED)
    assert_agree(
        keras_models.backward(p, x, dh, mask=MASK),
        bidirectional.backward(p, cache, dh, cell),
    )
    unmasked = keras_models.forward(p, x)
    # the mask is what makes it right
    assert np.abs(unmasked[MASK] - h[MASK]).max() > 0.01


LANGUAGE_MODELS = CELLS | {"embedding": stacked.of(embedding, gru, gru)}


def language(cell, seed=6):
    rng = np.random.default_rng(seed)
    p = shaken(language_model.init(rng, V, H, cell, np.float64), rng)
    return p, text.pad([[1, *rng.integers(3, V, n), 2] for n in (6, 3, 1)])


@pytest.mark.parametrize("padding", [None, text.Vocabulary.end])
@pytest.mark.parametrize("cell", LANGUAGE_MODELS.values(), ids=LANGUAGE_MODELS)
def test_a_language_model_has_one_loss_and_one_gradient(cell, padding, measured):
    p, batch = language(cell)
    loss, dp = keras_models.loss_and_gradient(p, batch, padding)
    wanted, dp_wanted = language_model.loss_and_gradient(p, batch, cell)
    measured("Keras", "loss", abs(loss - wanted) / abs(wanted), AGREED)
    assert_agree((dp,), (dp_wanted,))
    measured(
        "Keras",
        "gradient",
        agreement.gap((loss, dp), (wanted, dp_wanted)).gradient,
        AGREED,
    )


def test_a_model_that_reads_both_ways_needs_the_padding_masked():
    rng = np.random.default_rng(9)
    cell = shaken(bidirectional.init(rng, V, H, gru), rng)
    p = language_model.Params(
        cell, rng.standard_normal((2 * H, V)), rng.standard_normal(V)
    )
    _, batch = language(gru)
    ids, lengths = batch.inputs.T, batch.mask.sum(axis=0)
    masked, unmasked = keras_models.model(p, text.Vocabulary.end), keras_models.model(p)
    for b, length in enumerate(lengths):
        alone = unmasked(ids[[b], :length])[0]
        np.testing.assert_allclose(masked(ids)[b, :length], alone, atol=AGREED)
    assert np.abs(unmasked(ids)[b, :length] - alone).max() > 0.01


@each_cell
def test_weights_move_as_they_are_there_and_back(cell):
    p, *_ = cell_case(cell, *SIZES, seed=7)
    stack = keras_models.layers(p)
    kept = [weight for layer in stack for weight in layer.get_weights()]
    for ours, theirs in zip(tree.leaves(p), kept, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    parts = p if type(p) is tuple else (p,)
    for layer, part in zip(stack, parts, strict=True):
        back = keras_models.get_weights(layer, tree.map(np.zeros_like, part))
        assert type(back) is type(part)
        tree.map(np.testing.assert_array_equal, back, part)


def test_what_keras_has_learnt_numpy_can_use():
    p, batch = language(lstm)
    made = keras_models.model(p)
    mean = dict(from_logits=True, reduction="mean_with_sample_weight", dtype="float64")
    made.compile(
        keras.optimizers.SGD(0.5), keras.losses.SparseCategoricalCrossentropy(**mean)
    )
    made.fit(
        batch.inputs.T, batch.targets.T, sample_weight=batch.mask.T * 1.0, verbose=0
    )
    learnt = keras_models.get_weights(made, p)
    _, dp = language_model.loss_and_gradient(p, batch, lstm)
    stepped, _ = optimizers.sgd(tree.map(np.copy, p), dp, learning_rate=0.5)
    assert_agree((learnt,), (stepped,))


def test_single_precision_stays_single():
    p, x, state, dh = cell_case(lstm, *SIZES)
    single = tree.map(lambda w: w.astype(np.float32), p)
    h = keras_models.forward(single, x.astype(np.float32))
    assert h.dtype == np.float32
    np.testing.assert_allclose(h, lstm.forward(p, x)[0], atol=1e-5)


@each_cell
def test_an_unrolled_layer_computes_the_same(cell):
    p, x, state, dh = cell_case(cell, *SIZES, seed=8)
    loop = keras_models.backward(p, x, dh, *state)
    assert_agree(keras_models.backward(p, x, dh, *state, unroll=True), loop)


@pytest.mark.parametrize("name", ["peephole_lstm", "embedding"])
def test_a_saved_model_says_the_same(name, tmp_path):
    p, batch = language(LANGUAGE_MODELS[name])
    made = keras_models.model(p, text.Vocabulary.end)
    made.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    ids = batch.inputs.T
    np.testing.assert_array_equal(again(ids), made(ids))
    tree.map(np.testing.assert_array_equal, keras_models.get_weights(again, p), p)


def test_the_loss_per_word_is_that_of_numpy_whatever_the_batches():
    p, _ = language(gru)
    rng = np.random.default_rng(10)
    encoded = [np.array([1, *rng.integers(3, V, n), 2]) for n in (1, 1, 2, 9, 8, 9)]
    made, metric = keras_models.model(p), keras_models.LossPerWord(dtype="float64")
    keras_own = keras.metrics.SparseCategoricalCrossentropy(
        from_logits=True, dtype="float64"
    )
    wanted, words = zip(
        *(language_model.loss(p, batch, gru) for batch in text.batches(encoded, 2)),
        strict=True,
    )
    for batch in text.batches(encoded, 2):
        logits = made(batch.inputs.T)
        for each in (metric, keras_own):
            each.update_state(batch.targets.T, logits, sample_weight=batch.mask.T * 1.0)
    per_word = np.average(wanted, weights=words)
    assert float(metric.result()) == pytest.approx(per_word, abs=AGREED)
    assert float(keras_own.result()) != pytest.approx(per_word, abs=1e-3)


@pytest.mark.parametrize(
    ("of", "into"),
    [(gru, lstm), (gru_reset_after, gru), (peephole_lstm, lstm), (rnn, gru)],
)
def test_weights_of_another_cell_are_refused(of, into):
    p, *_ = cell_case(of, *SIZES)
    (layer,) = keras_models.layers(cell_case(into, *SIZES)[0])
    for move in (keras_models.set_weights, keras_models.get_weights):
        with pytest.raises(ValueError, match="of another cell or size"):
            move(layer, p)


def test_weights_of_another_size_are_refused_with_both_shapes():
    p, *_ = cell_case(lstm, *SIZES)
    (layer,) = keras_models.layers(p)
    small = lstm.init(np.random.default_rng(0), D, H - 1)
    with pytest.raises(ValueError, match=r"\(4, 24\).*'W_x': \(4, 20\)"):
        keras_models.set_weights(layer, small)


def test_a_network_that_keras_does_not_have_is_refused():
    with pytest.raises(
        ValueError, match=r"no layer for weights of the type coupled_lstm\.Params"
    ):
        keras_models.layers(coupled_lstm.init(np.random.default_rng(0), D, H))


def test_masks_and_states_that_do_not_fit_are_named():
    p, x, state, dh = cell_case(lstm, *SIZES)
    with pytest.raises(
        ValueError, match=r"mask must be \(T, B\) = \(7, 3\), got \(3, 7\)"
    ):
        keras_models.forward(p, x, mask=MASK.T)
    with pytest.raises(
        ValueError, match=r"give the states \[\(3, 6\), \(3, 6\)\] or none, got"
    ):
        keras_models.forward(p, x, state[0])
    with pytest.raises(ValueError, match="or none"):
        keras_models.backward(p, x, dh, *(s.T for s in state))
    q, batch = language(rnn)
    with pytest.raises(ValueError, match=r"batch.mask must be \(7, 3\), got \(3, 7\)"):
        keras_models.loss_and_gradient(q, batch._replace(mask=batch.mask.T))
    with pytest.raises(ValueError, match="all False"):
        keras_models.loss_and_gradient(
            q, batch._replace(mask=np.zeros_like(batch.mask))
        )


@pytest.mark.parametrize("field", ["inputs", "targets"])
@pytest.mark.parametrize("wrong", [-1, 99, 0.5])
def test_ids_out_of_range_are_refused(field, wrong):
    q, batch = language(rnn)
    ids = getattr(batch, field).astype(type(wrong))
    ids[0, 0] = wrong
    with pytest.raises(ValueError, match=f"{field}: ids must"):
        keras_models.loss_and_gradient(q, batch._replace(**{field: ids}))
    vectors, *_ = cell_case(rnn, *SIZES)
    with pytest.raises(ValueError, match="ids must|x must be"):
        keras_models.forward(vectors, np.asarray([[0, 1], [wrong, 2]]))
