"""Four means of one batch, the weights that they give a step, and what Keras makes of each."""

import numpy as np
import pytest

from unrolled.cells import gru, lstm, rnn
from unrolled.frameworks import keras_models
from unrolled.frameworks.quiet_tensorflow import keras, tf
from unrolled.functional import cross_entropy
from unrolled.gradients import gradcheck

B, T, V = 4, 8, 6
LENGTHS = np.array([1, 2, 3, 8])
MASK = np.arange(T) < LENGTHS[:, None]
Crossentropy = keras.losses.SparseCategoricalCrossentropy


def case():
    rng = np.random.default_rng(0)
    targets = np.where(MASK, rng.integers(1, V, (B, T)), 0)
    logits = rng.standard_normal((B, T, V))
    return targets, logits, cross_entropy(logits, targets)


def four_means(losses):
    """Each by loops over sequences and steps, as the equation reads."""
    rows = [[losses[b, t] for t in range(LENGTHS[b])] for b in range(B)]
    total = sum(sum(row) for row in rows)
    return {
        "places": total / (B * T),
        "tokens": total / sum(len(row) for row in rows),
        "sequences": sum(sum(row) / len(row) for row in rows) / B,
        "sums": total / B,
    }


@pytest.mark.equation("eq-tf-four-means")
def test_what_keras_computes_is_one_of_the_four():
    targets, logits, losses = case()
    means = four_means(losses)
    weights = MASK.astype(float)
    options = dict(from_logits=True, dtype="float64")
    mean = Crossentropy(**options, reduction="mean_with_sample_weight")
    found = {
        "tokens": [
            Crossentropy(**options, ignore_class=0)(targets, logits),
            mean(targets, logits, sample_weight=weights),
            Crossentropy(**options)(targets[MASK], logits[MASK]),
        ],
        "places": [Crossentropy(**options)(targets, logits, sample_weight=weights)],
        "sequences": [mean(targets, logits, sample_weight=weights / LENGTHS[:, None])],
        "sums": [
            Crossentropy(**options, reduction="sum")(targets, logits, weights) / B
        ],
    }
    for name, values in found.items():
        np.testing.assert_allclose(values, means[name], rtol=1e-12, err_msg=name)
    assert len({round(value, 6) for value in means.values()}) == 4


@pytest.mark.equation("eq-tf-step-weights")
def test_the_weight_of_a_step_is_the_slope_of_the_loss_in_its_loss():
    *_, losses = case()
    stated = {
        "places": np.full(B, 1 / (B * T)),
        "tokens": np.full(B, 1 / LENGTHS.sum()),
        "sequences": 1 / (B * LENGTHS),
        "sums": np.full(B, 1 / B),
    }
    for name, weights in stated.items():
        slope = gradcheck.central_difference(
            lambda x, name=name: four_means(x)[name], losses
        )
        np.testing.assert_allclose(slope, MASK * weights[:, None], atol=1e-8)


@pytest.mark.equation("eq-tf-no-gradient-from-padding")
@pytest.mark.parametrize("cell", [rnn, lstm, gru])
def test_padding_gets_no_gradient_and_gives_none(cell):
    rng = np.random.default_rng(1)
    p, x = cell.init(rng, 3, 5), rng.standard_normal((T, B, 3))
    dh = rng.standard_normal((T, B, 5)) * MASK.T[..., None]
    _, cache = cell.forward(p, x)
    dp, dx, *_ = cell.backward(p, cache, dh)
    assert not dx[~MASK.T].any() and (np.abs(dx[MASK.T]).max(axis=-1) > 0).all()
    other = np.where(MASK.T[..., None], x, 100.0)  # other padding, the same gradient
    _, cache = cell.forward(p, other)
    dp_other, *_ = cell.backward(p, cache, dh)
    for one, two in zip(dp, dp_other, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)


@pytest.mark.equation("eq-tf-printed-means")
def test_neither_what_fit_prints_nor_its_metric_is_the_mean_over_words():
    rng = np.random.default_rng(2)
    batches = []
    for lengths in ([1, 1, 3], [8, 5], [2, 9, 9, 4]):
        mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype("float32")
        x = rng.standard_normal((*mask.shape, 3)).astype("float32")
        batches.append((x, rng.integers(0, V, mask.shape), mask))

    def feed():
        yield from batches

    signature = tuple(
        tf.TensorSpec(shape, dtype)
        for shape, dtype in [
            ((None, None, 3), "float32"),
            ((None, None), "int64"),
            ((None, None), "float32"),
        ]
    )
    data = tf.data.Dataset.from_generator(feed, output_signature=signature)
    data = data.apply(tf.data.experimental.assert_cardinality(3))
    model = keras.Sequential([keras.layers.Dense(V)])
    model.compile(
        loss=Crossentropy(from_logits=True, reduction="mean_with_sample_weight"),
        weighted_metrics=[
            keras.metrics.SparseCategoricalCrossentropy(
                from_logits=True, name="metric"
            ),
            keras_models.LossPerWord(name="per_word"),
        ],
        jit_compile=False,
    )
    found = model.evaluate(data, verbose=0, return_dict=True)
    sums, real, B_, T_ = [], [], [], []
    for x, y, mask in batches:
        sums.append(float((cross_entropy(model(x).numpy(), y) * mask).sum()))
        real.append(float(mask.sum()))
        B_.append(len(mask))
        T_.append(mask.shape[1])
    sums, real, B_, T_ = map(np.array, (sums, real, B_, T_))
    assert found["loss"] == pytest.approx((B_ * sums / real).sum() / B_.sum(), rel=1e-5)
    assert found["metric"] == pytest.approx(
        (sums / T_).sum() / (real / T_).sum(), rel=1e-5
    )
    assert found["per_word"] == pytest.approx(sums.sum() / real.sum(), rel=1e-5)
    assert len({round(value, 3) for value in found.values()}) == 3


@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "mean_with_sample_weight"]
)
def test_a_mask_of_the_logits_makes_the_loss_a_mean_over_real_steps(reduction):
    """A layer `Embedding(mask_zero=True)` attaches the mask; the loss is what `evaluate` gives."""
    targets, *_ = case()
    model = keras.Sequential(
        [keras.layers.Embedding(V, 5, mask_zero=True), keras.layers.Dense(V)]
    )
    model.compile(loss=Crossentropy(from_logits=True, reduction=reduction))
    found = model.evaluate(targets, targets, verbose=0)
    losses = cross_entropy(model(targets).numpy(), targets)
    assert found == pytest.approx(losses[MASK].mean(), rel=1e-5)
    assert abs(found - losses.mean()) > 1e-4


def test_a_loss_of_keras_replaces_a_probability_of_zero():
    """The loss at p = 0 is that of p = 1e-7, and its gradient is finite."""
    p = tf.constant([[0.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(p)
        loss = keras.losses.SparseCategoricalCrossentropy()(np.array([0]), p)
    assert float(loss) == pytest.approx(-np.log(1e-7), rel=1e-5)
    assert np.isfinite(tape.gradient(loss, p)).all()
