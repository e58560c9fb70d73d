"""What the page on PyTorch concludes from its record, and its blocks, run where PyTorch is."""

import re

import numpy as np
import pytest

from tests.support.cell_cases import shaken
from tests.support.paths import BOOK
from unrolled import records
from unrolled.cells import lstm
from unrolled.frameworks import torch_layers
from unrolled.functional import cross_entropy

FOUND = records.load("pytorch")["results"]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
T, B, D, H, V = 7, 3, 4, 5, 6
LENGTHS = np.array([4, 7, 1])


@pytest.mark.claim(
    "pytorch-agrees",
    "PyTorch's RNN, LSTM and GRU return the states and the gradients of NumPy's networks, to "
    "rounding; its GRU resets after the product.",
    records="pytorch",
)
def test_every_gap_is_of_the_size_of_rounding_errors_but_that_of_the_other_gru():
    """The largest relative gap of nine networks is at most 1e-14; the states of the GRU that
    resets before the product differ by more than 0.1."""
    gaps = [gap for case in FOUND["agreement"].values() for gap in case.values()]
    assert len(gaps) == 18 and max(gaps) < 1e-14
    assert FOUND["reset before the product"] > 0.1


@pytest.mark.claim(
    "pytorch-bias-moves-twice",
    "In a step of gradient descent, the sum of PyTorch's two biases moves twice as far as a single "
    "bias would.",
    records="pytorch",
)
def test_the_sum_of_two_biases_moves_twice_as_far():
    """The ratio of the two steps is 2, to rounding."""
    assert FOUND["step of the two biases"] == pytest.approx(2, rel=1e-9)


@pytest.mark.claim(
    "pytorch-detach",
    "A sequence read in pieces has the states of the whole; after detach the gradient of the "
    "second piece does not reach the first.",
    records="pytorch",
)
def test_pieces_have_the_states_of_the_whole_and_detach_cuts_the_gradient():
    """Both gaps are below 1e-12; the gradient before the cut is 0 with detach, and not without."""
    carried, detached = FOUND["pieces"]["carried"], FOUND["pieces"]["detached"]
    assert max(carried["gap"], detached["gap"]) < 1e-12
    assert carried["gradient before the cut"] > 0.1
    assert detached["gradient before the cut"] == 0


@pytest.mark.claim(
    "pytorch-dropout",
    "PyTorch's dropout draws a new mask at every step. It is applied neither to the outputs of "
    "the top layer nor in evaluation.",
    records="pytorch",
)
def test_dropout_draws_anew_at_every_step_and_spares_the_top_layer():
    """Of 1000 units, the share that is kept and the share that two steps have in common are
    within four standard deviations of 1/2; the top layer and eval have no zeros."""
    found, spread = FOUND["dropout"], 4 * 0.5 / np.sqrt(1000)
    assert found["kept"] == pytest.approx(0.5, abs=spread)
    assert found["steps with the same mask"] == pytest.approx(0.5, abs=spread)
    assert found["zeros in the top layer's outputs"] == 0
    assert found["kept in eval"] == 1


@pytest.mark.claim(
    "pytorch-loss-is-the-mean-over-tokens",
    "CrossEntropyLoss with ignore_index is the mean over the tokens; it accepts (B, T, V) if "
    "T = V.",
    records="pytorch",
)
def test_the_loss_is_the_mean_over_the_targets_that_count():
    """The gap to the mean over real steps is below 1e-12; the flags are as the page has them."""
    found = FOUND["losses"]
    assert found["gap"] < 1e-12 and found["default ignore_index"] == -100
    assert found["(B, T, V) with T = V is accepted"]
    assert found["nothing but padding is NaN"]
    assert found["attention to a key with True in key_padding_mask"] == 0


def test_the_weights_start_within_their_bound_and_the_packed_batch_is_the_one_of_numpy():
    assert all(0.9 < FOUND["start"][name] <= 1 for name in ("RNN", "LSTM", "GRU"))
    assert abs(FOUND["start"]["mean forget bias"]) < 0.05
    packing = FOUND["packing"]
    assert packing["gap"] == 0 and sum(packing["batch_sizes"]) == packing["rows"] < 48


def test_the_blocks_of_the_page_do_what_the_page_says():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(0)
    p = shaken(lstm.init(rng, D, H), rng)
    x = rng.standard_normal((T, B, D))
    targets = np.where(
        np.arange(T)[:, None] < LENGTHS, rng.integers(0, V, (T, B)), -100
    )
    names = {"p": p, "x": x, "V": V, "lengths": LENGTHS}
    names["targets"] = torch.tensor(targets)
    moved, bias, packing, pieces, loss = BLOCK.findall(
        (BOOK / "06-tensorflow/pytorch.md").read_text("utf-8")
    )
    wanted, cache = lstm.forward(p, x)

    exec(moved, names)
    np.testing.assert_allclose(names["h"].detach(), wanted, atol=1e-12)
    np.testing.assert_allclose(names["c_last"][0].detach(), cache.c[-1], atol=1e-12)
    for ours, back in zip(p, names["p_back"], strict=True):
        np.testing.assert_array_equal(ours, back)

    exec(pieces, names)
    np.testing.assert_allclose(names["h"].detach(), wanted[6:], atol=1e-12)
    assert not names["state"][0].requires_grad

    exec(packing, names)
    real = np.arange(T)[:, None] < LENGTHS
    h = names["h"].detach().numpy()
    np.testing.assert_allclose(h[real], wanted[real], atol=1e-12)
    last = wanted[LENGTHS - 1, np.arange(B)]
    np.testing.assert_allclose(names["h_last"][0].detach(), last, atol=1e-12)
    assert h.shape == wanted.shape and not h[~real].any()
    names["layer"].batch_first = True  # has no effect on a packed batch
    again, _ = names["layer"](names["packed"])
    assert torch.equal(again.data, names["packed_h"].data)
    names["layer"].batch_first = False

    exec(loss, names)
    losses = cross_entropy(names["logits"].detach().numpy(), np.abs(targets) % V)
    assert float(names["mean"].detach()) == pytest.approx(losses[real].mean())

    exec(bias, names)
    arrays = {k: w.detach().numpy() for k, w in names["layer"].named_parameters()}
    b = torch_layers.params(arrays, p).b
    np.testing.assert_array_equal(b[H : 2 * H], 1)
    np.testing.assert_array_equal(b[:H], p.b[:H])
