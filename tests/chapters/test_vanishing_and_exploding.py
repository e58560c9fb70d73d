"""The chapters on vanishing and exploding gradients and on the cliff: equations and claims."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.support.page_cells import defined
from tests.support.turned_knobs import chapter, named
from unrolled import functional, records
from unrolled.cells import recurrent_weights as weights
from unrolled.cells import rnn
from unrolled.gradients import jacobians
from unrolled.training import optimizers


@pytest.mark.equation("eq-slope-bounds")
def test_the_slopes_and_their_largest_values():
    a = np.linspace(-20, 20, 4001)
    ones = np.ones_like(a)
    for f, df, top in (
        (np.tanh, functional.dtanh, 1.0),
        (functional.sigmoid, functional.dsigmoid, 0.25),
    ):
        slope = df(f(a), ones)
        numeric = (f(a + 1e-5) - f(a - 1e-5)) / 2e-5
        np.testing.assert_allclose(slope, numeric, atol=1e-9)
        assert slope.max() == pytest.approx(top, abs=1e-12)
        assert a[slope.argmax()] == pytest.approx(0, abs=1e-9)


@pytest.mark.equation("eq-gelfand")
@pytest.mark.parametrize("seed", range(5))
def test_the_norm_of_a_high_power_approaches_the_radius(seed):
    W = weights.gaussian(np.random.default_rng(seed), 8)
    rho = weights.spectral_radius(W)
    # far from normal: the first power is no guide
    assert weights.spectral_norm(W) > 1.2 * rho
    scaled, errors = W / rho, []
    for k in (1, 16, 4096):
        errors.append(
            abs(np.linalg.norm(np.linalg.matrix_power(scaled, k), 2) ** (1 / k) - 1)
        )
    assert errors[0] > errors[1] > errors[2] and errors[2] < 1e-3


@pytest.mark.equation("eq-transient")
@given(st.floats(0.1, 1.2), st.floats(-5, 5), st.integers(1, 30))
def test_the_power_of_the_two_by_two_matrix(r, c, k):
    power = np.eye(2)
    for _ in range(k):
        power = power @ np.array([[r, c], [0, r]])
    expected = [[r**k, k * c * r ** (k - 1)], [0, r**k]]
    np.testing.assert_allclose(power, expected, rtol=1e-10, atol=1e-12)


def test_a_matrix_of_radius_below_one_may_stretch_tenfold_first():
    W = np.array([[0.9, 4], [0, 0.9]])
    norms = [np.linalg.norm(np.linalg.matrix_power(W, k), 2) for k in range(200)]
    assert weights.spectral_radius(W) == pytest.approx(0.9)
    assert max(norms) > 10 and norms[-1] < 1e-5


def test_a_jacobian_may_have_a_norm_above_one():
    # The claim of the post that the chapter corrects.
    rng = np.random.default_rng(1)
    p = rnn.Params(
        0.1 * rng.standard_normal((5, 100)),
        1.5 * weights.gaussian(rng, 100),
        np.zeros(100),
    )
    h = rnn.forward(p, rng.standard_normal((1, 1, 5)))[0][0, 0]
    assert np.linalg.norm((1 - h**2)[:, None] * p.W_h.T, 2) > 2.5


def singular_values_after_50_steps(start, size, seed=0, H=64, D=10):
    """The singular values of dh_50/dh_0 of a tanh network, as on the page."""
    rng = np.random.default_rng(seed)
    x, W_x = rng.standard_normal((50, 1, D)), rng.standard_normal((D, H))
    p = rnn.Params(size * W_x / np.sqrt(D), start(rng, H), np.zeros(H))
    product = jacobians.products(p, rnn.forward(p, x)[0][:, 0])[-1]
    return np.linalg.svd(product, compute_uv=False)


@pytest.mark.claim(
    "initialisation-matters-for-weak-inputs",
    "With strong inputs no initialisation keeps a direction of a tanh network for 50 steps; with "
    "weak inputs the orthogonal one keeps most and the Gaussian one loses most.",
)
@pytest.mark.parametrize("seed", range(5))
def test_with_weak_inputs_the_initialisation_decides(seed):
    """The share of singular values above 1/100 after 50 steps, for each of five seeds."""
    for start in (weights.gaussian, weights.orthogonal, weights.identity):
        assert singular_values_after_50_steps(start, 1.0, seed).max() < 0.01
    orthogonal = singular_values_after_50_steps(weights.orthogonal, 0.1, seed) > 0.01
    gaussian = singular_values_after_50_steps(weights.gaussian, 0.1, seed) > 0.01
    assert orthogonal.mean() > 0.75 and gaussian.mean() < 0.25


def relu_identity_singular_values(seed=0, H=64, D=10):
    """The singular values after k = 0..50 steps of a ReLU network with W_h = I, as on the page."""
    rng = np.random.default_rng(seed)
    x, W_x = rng.standard_normal((50, 1, D)), rng.standard_normal((D, H))
    p = rnn.Params(W_x / np.sqrt(D), weights.identity(rng, H), np.zeros(H))
    h, _ = rnn.forward(p, x, f=functional.relu)
    products = jacobians.products(p, h[:, 0], functional.drelu)
    return np.linalg.svd(products, compute_uv=False)


def test_relu_units_with_the_identity_lose_whole_directions():
    s = relu_identity_singular_values()
    assert set(s.ravel().tolist()) <= {0.0, 1.0}
    assert s[20].mean() > 0.5 and 0 < s[50].mean() < 0.05


@pytest.mark.parametrize(
    ("activation", "radius", "steps", "low", "high"),
    [
        ("linear", 1.0, 50, 0.2, 1),
        ("tanh", 1.0, 50, 0, 1e-9),
        ("tanh", 2.0, 50, 5.5, 6.5),
        ("ReLU", 1.5, 50, 0.3, 1),
        ("σ", 2.0, 50, 0, 1e-20),
    ],
)
def test_the_settings_to_try_do_what_the_page_says(
    activation, radius, steps, low, high
):
    _, (panel,) = chapter("03-bptt/vanishing-and-exploding.md").turn(
        "fig-gradient-flow", radius=radius, length=steps
    )
    assert low <= named(panel, activation)["y"][0] <= high


@pytest.mark.parametrize(("scale", "above"), [(1, True), (0.5, False)])
def test_a_scale_of_1_gives_jacobians_above_1_and_of_one_half_below(scale, above):
    rng = np.random.default_rng(1)
    W_x, W_h = rng.standard_normal((5, 100)), weights.gaussian(rng, 100)
    p = rnn.Params(0.1 * W_x, scale * W_h, np.zeros(100))
    h = rnn.forward(p, rng.standard_normal((10, 1, 5)))[0][:, 0]
    norms = np.linalg.norm(jacobians.of_step(p, h), 2, axis=(1, 2))
    assert ((norms > 1) == above).all()


def test_the_longest_gradient_of_one_matrix_becomes_almost_twice_as_long():
    """With the seeds and the scale 0.9 of the page."""
    gradient = defined("03-bptt/vanishing-and-exploding.md")["gradient_by_layer"]
    left = [gradient(seed, 0.9, True)[-1] for seed in range(20)]
    assert 0.0025 < min(left) < 0.0035 and 1.8 < max(left) < 2


def left_after_50_layers(scale, shared, seeds=20):
    """The norm of a gradient that has gone back 50 layers of tanh, relative to its start (seeds,).

    The matrices are Gaussian: one for all layers if shared, else one for each.
    """
    left = []
    for seed in range(seeds):
        rng = np.random.default_rng(100 + seed)  # other networks than those of the page
        W = [scale * weights.gaussian(rng, 64) for _ in range(50)]
        W = W[:1] * 50 if shared else W
        h = [0.1 * rng.standard_normal(64)]
        for matrix in W:
            h.append(np.tanh(h[-1] @ matrix))
        product = np.eye(64)
        for matrix, h_k in zip(W[::-1], h[:0:-1], strict=True):
            product = product @ np.diag(1 - h_k**2) @ matrix.T
        gradient = rng.standard_normal(64)
        left.append(np.linalg.norm(gradient @ product) / np.linalg.norm(gradient))
    return np.array(left)


@pytest.mark.claim(
    "deep-networks-vanish-and-explode-too",
    "Through 50 tanh layers, a gradient vanishes with small matrices and explodes with large ones, "
    "whether each layer has a matrix of its own or all share one.",
)
@pytest.mark.parametrize("shared", [False, True])
def test_gradients_of_deep_networks_vanish_and_explode(shared):
    """The largest and the smallest of 20 seeds with 1e-6 and 10."""
    assert left_after_50_layers(0.58, shared).max() < 1e-6
    assert left_after_50_layers(2.0, shared).min() > 10


@pytest.mark.claim(
    "one-matrix-spreads-more",
    "With matrices of scale 0.58 or 0.9, what is left of a gradient depends more on the draw if "
    "all layers share one matrix.",
)
@pytest.mark.parametrize("scale", [0.58, 0.9])
def test_one_matrix_for_all_layers_spreads_more(scale):
    """The variances of the logarithm over 20 seeds, by an F test: p < 0.01."""
    one, many = (
        np.log(left_after_50_layers(scale, shared)) for shared in (True, False)
    )
    ratio = one.var(ddof=1) / many.var(ddof=1)
    assert stats.f.sf(ratio, 19, 19) < 0.01


@pytest.fixture(scope="module")
def by_distance():
    return records.load("gradient_by_distance")["results"]["models"]


@pytest.mark.claim(
    "trained-gradients-vanish-below-a-large-norm",
    "After training, the norm of W_h is well above 1, but in 95 % of the sentences less than a "
    "twentieth of the gradient is left after 30 words; the mean slope is smaller than before "
    "training.",
    records="gradient_by_distance",
)
def test_gradients_of_the_trained_model_vanish_although_they_may_explode(by_distance):
    """The norm with 1; the 95 % quantile over sentences of the gradient that is left after 30
    steps with 1/20."""
    trained = by_distance["trained"]
    assert trained["spectral_norm"] > 1.5
    assert trained["log10_quantiles"]["0.95"][-1] < np.log10(1 / 20)
    slopes = [by_distance[n]["mean_slope"] for n in list(by_distance)[1:]]
    assert trained["mean_slope"] < min(slopes) - 0.1


@pytest.mark.claim(
    "orthogonal-start-reaches-further",
    "Before training, far more of a gradient is left after 30 words with an orthogonal W_h than "
    "with a uniform one.",
    records="gradient_by_distance",
)
def test_the_orthogonal_start_reaches_further_than_the_uniform_one(by_distance):
    """The lowest 5 % of sentences of one with the highest 5 % of the other, after 30 steps."""
    orthogonal = by_distance["untrained, orthogonal"]["log10_quantiles"]["0.05"][-1]
    uniform = by_distance["untrained, uniform"]["log10_quantiles"]["0.95"][-1]
    assert orthogonal > -1 and uniform < -4


def test_no_recorded_gradient_is_above_the_bound(by_distance):
    for model in by_distance.values():
        assert model["log10_mean"][0] == 0
        sigma = math.log10(model["spectral_norm"])
        most = model["log10_quantiles"]["0.95"]
        assert all(v <= k * max(sigma, -9) + 1e-6 for k, v in enumerate(most))


# The chapter on the cliff and clipping.


@pytest.mark.equation("eq-one-unit")
@given(st.floats(0.1, 2.5), st.floats(-1, 1), st.integers(1, 20))
def test_the_one_unit_network_and_its_gradient(w, b, T):
    h, dh_dw, dh_db = 0.5, 0.0, 0.0
    for _ in range(T):  # forward mode: the derivatives of h_t go along with it
        slope = 1 - math.tanh(w * h + b) ** 2
        h, dh_dw, dh_db = (
            math.tanh(w * h + b),
            slope * (h + w * dh_dw),
            slope * (1 + w * dh_db),
        )
    p = rnn.Params(np.zeros((1, 1)), np.array([[w]]), np.array([b]))
    states, cache = rnn.forward(p, np.zeros((T, 1, 1)), np.full((1, 1), 0.5))
    assert states[-1, 0, 0] == pytest.approx(h, abs=1e-9)
    dh = np.zeros_like(states)
    dh[-1] = 2 * (states[-1] - 0.2)
    gradient = rnn.backward(p, cache, dh)[0]
    assert gradient.W_h[0, 0] == pytest.approx(
        2 * (h - 0.2) * dh_dw, rel=1e-6, abs=1e-9
    )
    assert gradient.b[0] == pytest.approx(2 * (h - 0.2) * dh_db, rel=1e-6, abs=1e-9)


vectors = st.lists(
    st.floats(-1e3, 1e3).filter(lambda v: v == 0 or abs(v) > 1e-3), min_size=3
)


@pytest.mark.equation("eq-clip-norm")
@given(vectors, st.floats(0.1, 1e3))
def test_clipping_by_norm(values, c):
    g = np.array(values)
    norm = math.sqrt(sum(v * v for v in values))
    expected = [v * (min(1, c / norm) if norm else 1) for v in values]
    # split over two leaves: the norm is that of all of them together
    (first, rest), before = optimizers.clip_by_global_norm(
        (g[:1].copy(), g[1:].copy()), c
    )
    assert before == pytest.approx(norm)
    np.testing.assert_allclose([*first, *rest], expected, rtol=1e-12)


@pytest.mark.equation("eq-clip-value")
@given(vectors, st.floats(0.1, 1e3))
def test_clipping_by_value(values, c):
    (clipped,), _ = optimizers.clip_by_value((np.array(values),), c)
    assert clipped.tolist() == [max(-c, min(c, v)) for v in values]


def descend(clip, w, b, steps=100, limit=1.0):
    """Gradient descent on (h_20 - 0.2)², as on the page; returns the last loss and gradient."""
    x, h0 = np.zeros((20, 1, 1)), np.full((1, 1), 0.5)
    for step in range(steps + 1):
        p = rnn.Params(np.zeros((1, 1)), np.array([[w]]), np.array([b]))
        h, cache = rnn.forward(p, x, h0)
        dh = np.zeros_like(h)
        dh[-1] = 2 * (h[-1] - 0.2)
        gradient = rnn.backward(p, cache, dh)[0]
        norm = optimizers.global_norm(gradient)
        if step < steps:
            if clip is not None:
                clip(gradient, limit)
            w, b = w - 0.1 * gradient.W_h[0, 0], b - 0.1 * gradient.b[0]
    return (h[-1, 0, 0] - 0.2) ** 2, norm


@pytest.mark.claim(
    "clipping-saves-the-run-on-the-cliff",
    "From the start that the page shows, the run without clipping ends where the gradient is "
    "almost zero and the loss is high; both kinds of clipping reach a loss near zero.",
)
def test_both_kinds_of_clipping_save_the_run():
    """The last loss of each of the three runs, and the last gradient of the unclipped one."""
    lost, norm = descend(None, 2.2, -0.1)
    assert lost > 0.5 and norm < 1e-6
    for clip in (optimizers.clip_by_global_norm, optimizers.clip_by_value):
        assert descend(clip, 2.2, -0.1)[0] < 1e-3


def test_which_limits_bring_a_run_to_the_valley_in_100_updates():
    reached = {
        limit: [
            bool(descend(clip, 2.2, -0.1, limit=limit)[0] < 2e-3)
            for clip in (optimizers.clip_by_global_norm, optimizers.clip_by_value)
        ]
        for limit in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
    }
    assert reached == {
        0.1: [False, False],
        0.3: [False, False],
        1.0: [True, True],
        3.0: [True, True],
        10.0: [True, False],
        30.0: [False, False],
    }
    later, _ = descend(optimizers.clip_by_value, 2.2, -0.1, steps=400, limit=10.0)
    assert later < 1e-6  # so the page gives the number of updates
