"""A small trained language model that comes with the book, so that a page can begin with one.

``experiments/language_model.py --pocket`` trained it on the docstring corpus; its weights are kept
in half precision, and its perplexities are measured with them as they are kept.
"""

import numpy as np

from unrolled import checkpoint, language_model, records, tree
from unrolled.text import Vocabulary

PATH = records.FOLDER / "pocket_language_model.npz"


def load(dtype=np.float32, path=PATH):
    """Returns (params, vocabulary) of the pocket language model.

    Args:
        dtype: floating-point type wanted.
        path: another file of the same kind.

    Raises:
        FileNotFoundError: the file is missing; ``make results`` makes it.
        ValueError: a damaged file, or a checkpoint of something else.
    """
    facts = checkpoint.load_facts(path)
    if not {"words", "H"} <= facts.keys():
        raise ValueError(f"{path} holds no language model with its words")
    vocabulary = Vocabulary(facts["words"])
    like = language_model.init(np.random.default_rng(0), len(vocabulary), facts["H"])
    params = checkpoint.load(path, like)
    return tree.map(lambda weight: weight.astype(dtype), params), vocabulary
