"""The band that the short run of the chapter "What training achieves" must reach."""

import math

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from unrolled.data import ngram, text
from unrolled.models import language_model
from unrolled.training import optimizers, train


@pytest.mark.slow
def test_a_short_run_beats_the_unigram_model_and_stays_in_its_band():
    """The chapter's short run, smaller: one package, 500 words, 32 units, three epochs."""
    documents, _ = text.remove_duplicates(text.corpus(("numpy",)))
    parts = text.split(documents)
    tokens = [
        [text.tokens(s) for d in part for s in d.sentences]
        for part in (parts.train, parts.validation)
    ]
    vocabulary = text.Vocabulary.of(tokens[0], 500)
    learn, judge = ([vocabulary.encode(s) for s in part] for part in tokens)
    unigram = ngram.perplexity(ngram.fit(learn, 500, 1), judge)
    params = language_model.init(np.random.default_rng(0), 500, 32)
    with threadpool_limits(1):
        *_, last = train.train(
            params,
            lambda epoch: text.batches(learn, 32, np.random.default_rng(epoch)),
            language_model.loss_and_gradient,
            optimizers.adam,
            epochs=3,
            learning_rate=0.01,
            clip=1.0,
            progress=False,
        )
        losses, words = zip(
            *(language_model.loss(last.params, b) for b in text.batches(judge, 64)),
            strict=True,
        )
    perplexity = math.exp(np.average(losses, weights=words))
    assert 0.3 * unigram < perplexity < 0.5 * unigram
