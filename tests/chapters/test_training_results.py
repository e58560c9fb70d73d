"""What the runs of the chapter "What training achieves" show, and the band of the short one."""

import math

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tests.support.page_cells import cells, executed
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


@pytest.mark.slow
@pytest.mark.claim(
    "a-training-loss-is-a-mean-over-the-epoch",
    "In the short run, the training perplexity printed for the last epoch is above the validation "
    "perplexity; that of the final weights on the training sentences is about 49, and below it.",
)
def test_the_final_weights_predict_the_training_sentences_better():
    """The page's own run: losses of the last epoch and of the weights after its last update."""
    path = "02-language-model/training-results.md"
    sources = [c for c in cells(path) if "remove_dup" in c or "every_batch" in c]
    page = executed(path, sources)
    seen = page["mean_loss"](
        page["progress"].params, text.batches(page["train_set"], 64)
    )
    assert page["seen"] > page["unseen"] > seen + 0.1
    assert math.exp(seen) == pytest.approx(49, abs=1)
    drawn = np.convolve(page["losses"], np.ones(50) / 50, "valid")
    crossed = page["steps"][49 + np.argmax(drawn < page["baselines"]["unigram"])]
    assert crossed == pytest.approx(160, abs=20)


@pytest.mark.slow
@pytest.mark.claim(
    "a-hundred-sentences-teach-no-more-than-frequencies",
    "After nine epochs on 100 sentences, the loss on these sentences is above the loss of their "
    "word frequencies, with biases and without.",
)
def test_ten_epochs_do_not_reach_the_word_frequencies():
    """The page's own run; the frequencies are the entropy of the counts, without smoothing."""
    path = "02-language-model/training-results.md"
    sources = [c for c in cells(path) if "remove_dup" in c or "published = [" in c]
    page = executed(path, sources)
    counts = np.zeros(8000)
    for ids in page["hundred"]:
        np.add.at(counts, ids[1:], 1)
    seen = counts[counts > 0]
    entropy = np.log(counts.sum()) - (seen * np.log(seen)).sum() / counts.sum()
    assert page["frequencies"] == pytest.approx(entropy, abs=1e-9)
    assert page["without"][-1] > entropy + 0.2
    assert page["with_biases"][-1] > entropy
