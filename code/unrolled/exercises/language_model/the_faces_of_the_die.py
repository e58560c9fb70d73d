"""Three perplexities, with pencil and paper."""

import math

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "The faces of the die"
CHAPTER = "02-language-model/language-modelling"
SECTION = "loss-and-perplexity"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
Work out the answers with pencil, paper and a calculator (`math.log` and `math.exp` will do).

1. A model gives all of its $V = 8000$ words the same probability. What is its loss $L$ on any
   text, in nats per word?
2. A test text has 900 common words, on which a model has a perplexity of 10, and 100 rare words,
   on which it has a perplexity of 1000. What is its perplexity on the whole text?
3. A source draws each word independently of the previous words. With probability $\tfrac34$ it
   draws one of 4 common words, all four equally likely. With probability $\tfrac14$ it draws one
   of 256 rare words, all equally likely. No common word is among the rare words. What is the
   lowest perplexity that any model can be expected to have on a long text from this source?
"""

STUB = """
import math

loss_of_the_uniform_model = ...  # in nats per word
perplexity_of_the_whole = ...
lowest_perplexity = ...
"""

HINTS = (
    "The perplexity is $e^L$, and $L$ is a mean over words. Which of the two may be averaged?",
    "In 3 the best model is the source itself. First write down the probability of *one* common "
    "word and of *one* rare word.",
    "A common word has the probability $\\tfrac34 \\cdot \\tfrac14$. Its loss is minus the "
    "logarithm of this probability, and it occurs in three steps out of four.",
)

SOLUTION = """
import math

loss_of_the_uniform_model = math.log(8000)

mean_loss = (900 * math.log(10) + 100 * math.log(1000)) / 1000
perplexity_of_the_whole = math.exp(mean_loss)

common, rare = 3 / 4 / 4, 1 / 4 / 256
entropy = -(3 / 4) * math.log(common) - (1 / 4) * math.log(rare)
lowest_perplexity = math.exp(entropy)
"""

COMMENT = r"""
1\. Every word has the probability $1/8000$, so every word has the loss
$-\log\tfrac{1}{8000} = \log 8000 = 8.987$ nats.

2\. We average losses, not perplexities. Each common word has the mean loss $\log 10$, and each
rare word has the mean loss $\log 1000 = 3 \log 10$:

$$
\begin{aligned}
L &= \tfrac{1}{1000} \bigl( 900 \log 10 \\
&\qquad + 100 \cdot 3 \log 10 \bigr) \\
&= 1.2\, \log 10 , \\
e^L &= 10^{1.2} \approx 15.8 .
\end{aligned}
$$

The mean of the perplexities is 109. A program that exponentiates batch by batch and averages
afterwards makes this mistake. If all batches have the same number of words, the mistake never
lowers the result, because $e^L$ is convex. Such a program usually makes models look worse.

3\. No model has a smaller expected loss than the entropy of the source. A common word has the
probability $\tfrac34 \cdot \tfrac14 = \tfrac{3}{16}$, a rare word
$\tfrac14 \cdot \tfrac{1}{256} = \tfrac{1}{1024}$:

$$
\begin{aligned}
L &= \tfrac34 \log \tfrac{16}{3} \\
&\quad + \tfrac14 \log 1024 \\
&\approx 2.988 , \\
e^L &\approx 19.9 .
\end{aligned}
$$

The loss has two parts. Predicting the *kind* of the next word costs
$\tfrac34\log\tfrac43 + \tfrac14 \log 4 \approx 0.562$ nats. Predicting which word *of* this
kind is next costs $\tfrac34 \log 4 + \tfrac14 \log 256 \approx 2.426$ nats. Without the first
part, the perplexity is 11.3. A model that is told the kind in advance has this perplexity.

The source has 260 words, and it is as uncertain as a die with 20 faces. Next, find a split of the
probability (other than ¾ to ¼) with which this source is as uncertain as a die with 260 faces.
"""


def check(answers):
    """Each number, with the usual wrong ones named."""
    loss = number(answers, "loss_of_the_uniform_model")
    if is_close(loss, math.log2(8000), 1e-3):
        raise Wrong(
            "1 is in bits (log to the base 2); nats need the natural logarithm."
        )
    if is_close(loss, math.log10(8000), 1e-3):
        raise Wrong("1 is a logarithm to the base 10; nats need the natural logarithm.")
    if is_close(loss, 8000, 1e-3):
        raise Wrong("1: 8000 is the perplexity. The loss is its logarithm.")
    if is_close(loss, -math.log(8000), 1e-3):
        raise Wrong("1: the loss is minus the log probability, so it is positive.")
    if not is_close(loss, math.log(8000), 1e-3):
        raise Wrong(
            "1: each word has the probability 1/8000, and the loss is minus its logarithm."
        )

    whole = number(answers, "perplexity_of_the_whole")
    if is_close(whole, 109.0, 1e-3):
        raise Wrong(
            "2: 109 is the mean of the two perplexities. Average the loss over words, and "
            "exponentiate once, at the end."
        )
    if is_close(whole, 100.0, 1e-2):
        raise Wrong(
            "2: you gave both groups the same weight, but nine words in ten are common."
        )
    if is_close(whole, 1.2 * math.log(10), 1e-2):
        raise Wrong("2: that is the mean loss; the perplexity is its exponential.")
    if not is_close(whole, 10**1.2, 1e-3):
        raise Wrong(
            "2: turn both perplexities into losses, average over the 1000 words, and exponentiate."
        )

    lowest = number(answers, "lowest_perplexity")
    entropy = 0.75 * math.log(16 / 3) + 0.25 * math.log(1024)
    told = 0.75 * math.log(4) + 0.25 * math.log(256)
    if is_close(lowest, math.exp(told), 1e-2):
        raise Wrong(
            "3: that is the perplexity of a model that is told whether the next word is common or "
            "rare. The model has to predict that too."
        )
    if is_close(lowest, 67.0, 1e-3):
        raise Wrong(
            "3: 67 is the mean of 4 and 256. Average losses, not numbers of words."
        )
    if is_close(lowest, 260.0, 1e-3):
        raise Wrong(
            "3: 260 is the perplexity of a model that gives all words the same probability."
        )
    if is_close(lowest, entropy, 1e-3):
        raise Wrong(
            "3: that is the entropy in nats; the perplexity is its exponential."
        )
    if not is_close(lowest, math.exp(entropy), 2e-3):
        raise Wrong(
            "3: the best model gives each word its true probability. Take minus the logarithm of "
            "the two probabilities, and weight them by how often such a word comes."
        )
    return "Losses are averaged, and no model has a smaller loss than the entropy."
