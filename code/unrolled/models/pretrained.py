"""Small trained language models that come with the book, so that a page can begin with one.

Scripts of ``experiments/language_models`` trained them on the docstring corpus. Their weights are
kept in half precision, and their perplexities are measured with them as they are kept.
"""

import numpy as np

from unrolled import records, tree
from unrolled.cells import gru, lstm, rnn
from unrolled.data.text import Vocabulary
from unrolled.layers import embedding, stacked
from unrolled.models import language_model
from unrolled.training import checkpoint

CELLS = {"embedding": embedding, "gru": gru, "lstm": lstm}


def load(name="pocket", dtype=np.float32, folder=records.FOLDER):
    """Returns (params, vocabulary, cell) of a language model.

    Args:
        name: "pocket", which has the plain cell, "lstm" or "gru".
        dtype: floating-point type wanted.
        folder: where the files lie.

    Raises:
        FileNotFoundError: the file is missing; ``make results`` makes it.
        ValueError: a damaged file, or a checkpoint of something else.
    """
    path = folder / f"{name}_language_model.npz"
    facts = checkpoint.load_facts(path)
    if not {"words", "H"} <= facts.keys():
        raise ValueError(f"{path} holds no language model with its words")
    layers = facts.get("layers")
    cell = stacked.of(*(CELLS[layer] for layer in layers)) if layers else rnn
    vocabulary = Vocabulary(facts["words"])
    rng = np.random.default_rng(0)
    like = language_model.init(rng, len(vocabulary), facts["H"], cell)
    params = checkpoint.load(path, like)
    return tree.map(lambda weight: weight.astype(dtype), params), vocabulary, cell
