"""Small trained language models over gated cells that come with the book, for looking into.

``experiments/gated_language_models.py`` trained them on the docstring corpus; their weights are
kept in half precision, and their perplexities are measured with them as they are kept.
"""

import numpy as np

from unrolled import checkpoint, embedding, gru, language_model, lstm, records, stacked, tree
from unrolled.text import Vocabulary

CELLS = {"embedding": embedding, "gru": gru, "lstm": lstm}


def load(name, dtype=np.float32, folder=records.FOLDER):
    """Returns (params, vocabulary, cell) of a language model with one gated layer.

    Args:
        name: "lstm" or "gru".
        dtype: floating-point type wanted.
        folder: where the files lie.

    Raises:
        FileNotFoundError: the file is missing; ``make results`` makes it.
        ValueError: a damaged file, or a checkpoint of something else.
    """
    path = folder / f"{name}_language_model.npz"
    facts = checkpoint.load_facts(path)
    if not {"words", "H", "layers"} <= facts.keys():
        raise ValueError(f"{path} holds no language model with its words and layers")
    cell = stacked.of(*(CELLS[layer] for layer in facts["layers"]))
    vocabulary = Vocabulary(facts["words"])
    like = language_model.init(np.random.default_rng(0), len(vocabulary), facts["H"], cell)
    params = checkpoint.load(path, like)
    return tree.map(lambda weight: weight.astype(dtype), params), vocabulary, cell
