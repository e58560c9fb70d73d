"""Arguments of which no figure can be drawn are named."""

import numpy as np
import pytest

from unrolled.cells import gru, lstm
from unrolled.drawing import cell_graph, charts


def refused(said, function, *args, **options):
    with pytest.raises(ValueError, match=said):
        function(*args, **options)


def test_a_curve_is_a_row_of_numbers():
    square = np.ones((2, 2))
    refused("curve 'a': x has shape", charts.lines, square, {"a": square})


def test_a_cell_is_evaluated_with_its_own_weights_and_ids_inside():
    p = lstm.init(np.random.default_rng(0), 4, 6)
    h, c = lstm.initial_state(p, 2)
    ids = np.array([0, -1])
    refused("ids must lie in 0..3", cell_graph.evaluate, cell_graph.LSTM, p, ids, h, c)
    q = gru.init(np.random.default_rng(0), 4, 6)
    refused(
        "cell_graph.evaluate with cell",
        cell_graph.evaluate,
        cell_graph.LSTM,
        q,
        ids * 0,
        h,
        c,
    )
