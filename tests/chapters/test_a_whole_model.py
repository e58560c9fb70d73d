"""The page with a whole model in Keras: its run compared with the models that count."""

import numpy as np
import pytest

from tests.support.page_cells import defined


@pytest.mark.slow
def test_after_three_epochs_the_network_predicts_better_than_the_bigram_model():
    """The perplexities that the page prints: the bigram model's is more than a tenth higher."""
    names = defined("06-tensorflow/a-whole-model.md")
    assert names["n"] == 2 and len(names["losses"]) == 3
    assert names["perplexity"] > 1.1 * np.exp(names["losses"][-1])
