"""The agreement table: NumPy, PyTensor, Keras, and the recorded run of Theano 1.0.5."""

import numpy as np
import pytest

from tests.support import registered_cells
from unrolled import records, tree
from unrolled.frameworks import agreement, theano_models

AGREED = 1e-10


@pytest.mark.slow
def test_numpy_pytensor_theano_and_keras_have_one_answer(capsys, measured):
    recorded = records.load("theano")["results"]["agreement"]
    with capsys.disabled():
        print(f"\n{'':16}{'NumPy':>14}   {'PyTensor':16}   {'Theano 1.0.5':16}   Keras")
        for name, loss, gaps in agreement.table(
            [agreement.in_symbols, agreement.in_keras]
        ):
            row = recorded[name]
            pytensor, keras = ((gap.loss, gap.gradient) for gap in gaps)
            pairs = pytensor, (row["loss"], row["gradient"]), keras
            found = "   ".join(f"{one:.0e}, {two:.0e}".ljust(16) for one, two in pairs)
            print(f"{name:16}{loss:14.10f}   {found}")
            for library, pair in zip(
                ("PyTensor", "Theano 1.0.5", "Keras"), pairs, strict=True
            ):
                for what, gap in zip(("loss", "gradient"), pair, strict=True):
                    measured(library, what, gap, AGREED, case=name)


def test_the_cases_are_what_their_names_say():
    both = registered_cells.cells("Keras", "Theano")
    wanted = [name for name in both if both[name].Params in theano_models.CELLS]
    wanted += ["stacked", "masked"]
    assert set(agreement.CELLS) == set(wanted), (
        f"CELLS in code/unrolled/frameworks/agreement.py has to name {wanted};"
        " make theano then records the answers of Theano itself"
    )
    for name in agreement.CELLS:
        _, p, batch = agreement.case(name)
        assert batch.mask.all() == (name != "masked")
        # no weight hides a term
        assert all(np.abs(leaf).min() > 0 for leaf in tree.leaves(p))
        assert {leaf.dtype for leaf in tree.leaves(p)} == {np.dtype(np.float64)}


@pytest.mark.parametrize("name", agreement.CELLS)
def test_a_gap_of_any_array_is_seen(name):
    cell, p, batch = agreement.case(name)
    loss, dp = reference = agreement.in_numpy(cell, p, batch)
    assert agreement.gap(reference, reference)[:2] == (0, 0)
    assert agreement.gap((loss * (1 + 1e-9), dp), reference).loss == pytest.approx(1e-9)
    for k, (array, leaf) in enumerate(tree.named_leaves(dp)):
        leaves = [other.copy() for other in tree.leaves(dp)]
        leaves[k].flat[-1] += 1e-9 * np.abs(leaf).max()
        found = agreement.gap((loss, tree.replace_leaves(dp, leaves)), reference)
        assert found.worst == array and found.gradient == pytest.approx(1e-9)


def test_gradients_of_another_shape_are_refused():
    cell, p, batch = agreement.case("rnn")
    loss, dp = agreement.in_numpy(cell, p, batch)
    with pytest.raises(
        ValueError, match=r"W_y: gradient \(11, 6\), NumPy's is \(6, 11\)"
    ):
        agreement.gap((loss, dp._replace(W_y=dp.W_y.T)), (loss, dp))


def test_theano_itself_had_the_same_answer():
    record = records.load("theano")
    assert record["versions"]["theano"] == "1.0.5"
    found = record["results"]["agreement"]
    assert set(found) == set(agreement.CELLS)
    for name, row in found.items():
        loss, _ = agreement.in_numpy(*agreement.case(name))
        # the same case, not one alike
        assert row["numpy"] == pytest.approx(loss, rel=1e-12)
        assert row["loss"] <= AGREED and row["gradient"] <= AGREED, name
