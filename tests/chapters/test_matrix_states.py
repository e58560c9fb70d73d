"""Matrix states: linear attention, the mLSTM and Mamba-2 by their equations, and the costs."""

import numpy as np
import pytest

from tests.support.cell_cases import cell_case, logistic
from tests.support.closeness import assert_same
from tests.support.counting import Counted, multiplications
from tests.support.scans import SCANS
from unrolled import tree
from unrolled.cells import linear_attention, mlstm, selective
from unrolled.layers import matrix_states

T, B, D, H = 7, 3, 4, 6
CELLS = (linear_attention, mlstm)
every_cell = pytest.mark.parametrize("cell", CELLS)
every_scan = pytest.mark.parametrize("run", SCANS.values(), ids=SCANS)


@pytest.mark.equation("eq-linear-inputs", "eq-linear-state", "eq-linear-output")
def test_linear_attention_is_a_weighted_mean_of_all_values_so_far():
    p, x, _, _ = cell_case(linear_attention, T, B, D, H)
    h, cache = linear_attention.forward(p, x)
    for b in range(B):
        a = x[:, b] @ p.W_x + p.b
        phi = np.where(a > 0, a + 1, np.exp(a))
        q, k, v = phi[:, :H], phi[:, H : 2 * H], a[:, 2 * H :]
        for t in range(T):
            weights = [q[t] @ k[s] for s in range(t + 1)]
            wanted = sum(w * v[s] for s, w in enumerate(weights)) / sum(weights)
            np.testing.assert_allclose(h[t, b], wanted, rtol=1e-11, atol=1e-12)
            S = sum(np.outer(k[s], v[s]) for s in range(t + 1))
            np.testing.assert_allclose(cache.S[t, b, :, :H], S, rtol=1e-11, atol=1e-12)
            n = k[: t + 1].sum(axis=0)
            np.testing.assert_allclose(cache.S[t, b, :, H], n, rtol=1e-11)


def mlstm_by_its_equations(p, x, C, n):
    """The outputs for one sequence, without a stabiliser, as the paper writes them."""
    outputs = []
    for x_t in x:
        a = x_t @ p.W_x + p.b
        q, k, v = a[:H], a[H : 2 * H] / np.sqrt(H), a[2 * H : 3 * H]
        o, i, f = logistic(a[3 * H : 4 * H]), np.exp(a[4 * H]), logistic(a[4 * H + 1])
        C = f * C + i * np.outer(v, k)  # the paper's C is the transpose of ours
        n = f * n + i * k
        outputs.append(o * (C @ q) / max(abs(n @ q), 1))
    return np.array(outputs)


@pytest.mark.equation(
    "eq-mlstm-inputs",
    "eq-mlstm-gates",
    "eq-mlstm-state",
    "eq-mlstm-output",
    "eq-mlstm-stabiliser",
)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_mlstm_is_its_equations_whatever_the_stabiliser(seed):
    p, x, (h0, S0, m0), _ = cell_case(mlstm, 20, B, D, H, seed)
    h, cache = mlstm.forward(p, x, h0, S0, m0)
    for b in range(B):
        first = S0[b] * np.exp(m0[b])
        wanted = mlstm_by_its_equations(p, x[:, b], first[:, :H].T, first[:, H])
        np.testing.assert_allclose(h[:, b], wanted, rtol=1e-10, atol=1e-12)
    total = abs(cache.read[..., -1] * np.exp(cache.m[..., 0]))
    assert (total > 1).any() and (total < 1).any()  # both cases of the maximum
    m = m0
    for t in range(20):
        a = x[t] @ p.W_x + p.b
        m = np.maximum(np.log(logistic(a[:, -1:])) + m, a[:, -2:-1])
        np.testing.assert_allclose(cache.m[t], m, rtol=1e-10, atol=1e-12)
    assert max(cache.f.max(), cache.i.max()) <= 1 + 1e-14
    # the same memory on another scale
    again, _ = mlstm.forward(p, x, h0, S0 * np.exp(-3.0), m0 + 3)
    assert_same(again, h, 1e-10)


def test_input_gates_that_no_float_can_hold_give_finite_outputs_and_gradients():
    p, x, state, dh = cell_case(mlstm, 20, B, D, H)
    for factor in (3000.0, -3000.0):  # the exponents of the gates
        wild = p._replace(
            W_x=np.concatenate([p.W_x[:, :-2], factor * p.W_x[:, -2:]], 1)
        )
        h, cache = mlstm.forward(wild, x, *state)
        gradient = mlstm.backward(wild, cache, dh)
        assert all(
            np.isfinite(leaf).all() for leaf in tree.leaves((h, tuple(gradient)))
        )
        single = tree.map(np.float32, (wild, x, state, dh))
        h, cache = mlstm.forward(single[0], single[1], *single[2])
        gradient = mlstm.backward(single[0], cache, single[3])
        assert all(
            np.isfinite(leaf).all() for leaf in tree.leaves((h, tuple(gradient)))
        )


def test_a_memory_without_its_scale_is_refused():
    p, x, (h0, S0, m0), _ = cell_case(mlstm, T, B, D, H)
    with pytest.raises(ValueError, match="give S0 and m0, or neither"):
        mlstm.forward(p, x, h0, S0)


@every_scan
@every_cell
@pytest.mark.parametrize("T", [1, 7])
def test_every_scan_gives_the_outputs_and_the_gradient_of_the_loop(run, cell, T):
    p, x, state, dh = cell_case(cell, T, B, D, H)
    h, cache = cell.forward(p, x, *state, scan=run)
    looped, cache_looped = cell.forward(p, x, *state)
    assert_same(h, looped, 1e-10)
    assert_same(
        tuple(cell.backward(p, cache, dh, run)),
        tuple(cell.backward(p, cache_looped, dh)),
        1e-9,
    )


FORMS = [
    matrix_states.parallel,
    *(lambda *a, n=n: matrix_states.chunked(*a, chunk=n) for n in (1, 3, 16, 100)),
]


@pytest.mark.parametrize("form", FORMS)
def test_linear_attention_and_the_mlstm_have_all_three_forms(form):
    p, x, (h0, S0), _ = cell_case(linear_attention, 23, B, D, H)
    _, cache = linear_attention.forward(p, x, h0, S0)
    ones = np.ones((23, B, 1))
    assert_same(form(cache.q, cache.k, cache.v, ones, S0), cache.read, 1e-10)
    p, x, (h0, S0, m0), _ = cell_case(mlstm, 23, B, D, H)
    _, cache = mlstm.forward(p, x, h0, S0, m0)
    read = form(cache.q, cache.i * cache.k, cache.v, cache.f, S0)
    assert_same(read, cache.read, 1e-10)


@every_cell
def test_no_steps_have_no_outputs_and_no_gradient(cell):
    p, x, state, dh = cell_case(cell, 0, B, D, H)
    h, cache = cell.forward(p, x, *state)
    dp, dx, *dstate = cell.backward(p, cache, dh)
    assert h.shape == (0, B, H) and dx.shape == (0, B, D)
    assert not any(leaf.any() for leaf in tree.leaves((dp, tuple(dstate))))


def test_where_all_keys_are_0_linear_attention_gives_0():
    p, x, _, dh = cell_case(linear_attention, T, B, D, H)
    p.b[H : 2 * H] = -1e6  # the keys underflow
    h, cache = linear_attention.forward(p, x)
    assert not cache.k.any() and not h.any()
    gradient = linear_attention.backward(p, cache, dh)
    assert all(np.isfinite(leaf).all() for leaf in tree.leaves(tuple(gradient)))


def test_where_all_keys_are_0_the_mlstm_gives_0():
    p, x, _, dh = cell_case(mlstm, T, B, D, H)
    p.W_x[:, H : 2 * H] = p.b[H : 2 * H] = 0
    h, cache = mlstm.forward(p, x)
    assert not cache.k.any() and not h.any()
    gradient = mlstm.backward(p, cache, dh)
    assert all(np.isfinite(leaf).all() for leaf in tree.leaves(tuple(gradient)))


@pytest.mark.equation("eq-mamba-2")
@pytest.mark.parametrize("form", FORMS)
def test_a_selective_layer_with_one_rate_is_a_matrix_state(form):
    p, x, (h0, S0), _ = cell_case(selective, 23, B, D, H)
    p.W_x[:, H : 2 * H] = p.W_x[:, H : H + 1]
    p.b[H : 2 * H] = 0.2
    p.log_A[:], p.d[:] = np.log(0.4), 0
    h, cache = selective.forward(p, x, h0, S0)
    step_size = cache.delta[..., :1]
    f, v = np.exp(-0.4 * step_size), step_size * cache.u
    found = form(cache.C, cache.B, v, f, S0.swapaxes(1, 2))
    assert_same(found, h, 1e-10)


@pytest.mark.equation("eq-matrix-costs")
def test_each_form_costs_what_is_counted():
    T, B, E, F, C = 48, 1, 5, 7, 6
    rng = np.random.default_rng(0)
    q, k, v, f = (rng.uniform(0.5, 1, (T, B, n)).view(Counted) for n in (E, E, F, 1))

    def counted(form):
        return multiplications(lambda: form(q, k, v, f), entry_by_entry=True)

    def loop(f, added, S0):
        states = [np.zeros((B, E, F)).view(Counted)]
        for f_t, added_t in zip(f, added, strict=True):
            states.append(f_t * states[-1] + added_t)
        return np.stack(states[1:]).view(Counted)

    def recurrent(*parts):
        return matrix_states.recurrent(*parts, scan=loop)

    assert counted(recurrent) == 3 * E * F * T
    assert counted(matrix_states.parallel) == (E + F + 1) * T**2
    about = (E + F + 1) * C * T + 2 * E * F * T
    chunked = counted(lambda *a: matrix_states.chunked(*a, chunk=C))
    # and, apart from the formula: decays of queries and keys, and of the state at each border
    assert about <= chunked <= about + 3 * E * T + T // C * E * F


@pytest.mark.parametrize("pairs", [8, 64, 256])
def test_every_other_pair_adds_about_one_part_in_e_to_the_error(pairs):
    rng = np.random.default_rng(4)
    E, trials = 32, 2000
    keys = rng.standard_normal((pairs, trials, E))
    keys /= np.linalg.norm(keys, axis=2, keepdims=True)
    values = rng.standard_normal((pairs, trials, 1))
    ones = np.ones((pairs, trials, 1))
    query = np.zeros_like(keys)
    query[-1] = keys[0]
    y = matrix_states.recurrent(query, keys, values, ones)[0][-1]
    error = np.mean((y - values[0]) ** 2)
    assert error == pytest.approx((pairs - 1) / E, rel=0.15)
