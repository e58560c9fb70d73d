"""Three perplexities with pencil and paper."""

import math

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "The faces of the die"
CHAPTER = "02-language-model/language-modelling"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
Work these out with pencil, paper and a calculator; `math.log` and `math.exp` will do.

1. A model over $V = 8000$ words holds all of them equally likely. What is its loss $L$ on any
   text, in nats a word? (The second post prints this number before it trains.)
2. A test text has 900 common words, on which a model has the perplexity 10, and 100 rare ones, on
   which it has the perplexity 1000. What is its perplexity on the whole text?
3. A source of words draws each next word like this, whatever came before: with probability
   $\tfrac34$ one of 4 common words, all four equally likely, and with probability $\tfrac14$ one
   of 256 rare words, all equally likely. No common word is among the rare ones. What is the lowest
   perplexity that any model can have on a long text from this source?
"""

STUB = """
import math

loss_of_the_uniform_model = ...  # in nats a word
perplexity_of_the_whole = ...
lowest_perplexity = ...
"""

HINTS = (
    "Perplexity is $e^L$, and $L$ is a mean over words. Which of the two may be averaged?",
    "In 3 the best model is the source itself. First write down the probability of *one* common "
    "word and of *one* rare word.",
    "A common word has the probability $\\tfrac34 \\cdot \\tfrac14$. Its loss is minus the "
    "logarithm of that, and it is paid in three steps out of four.",
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
1\. Every word has the probability $1/8000$, so each costs
$-\log\tfrac{1}{8000} = \log 8000 = 8.987$ nats, whichever came.

2\. Losses are averaged, perplexities are not. Each common word costs $\log 10$, each rare one
$\log 1000 = 3 \log 10$:

$$
\begin{aligned}
L &= \tfrac{1}{1000} \bigl( 900 \log 10 \\
&\qquad + 100 \cdot 3 \log 10 \bigr) \\
&= 1.2\, \log 10 , \\
e^L &= 10^{1.2} \approx 15.8 .
\end{aligned}
$$

The mean of the perplexities, 109, is what a program prints that exponentiates batch by batch and
averages afterwards. The error always goes the same way, since $e^L$ is convex: such a program
makes every model look worse.

3\. No model gets below the entropy of the source. A common word has the probability
$\tfrac34 \cdot \tfrac14 = \tfrac{3}{16}$, a rare one $\tfrac14 \cdot \tfrac{1}{256}$:

$$
\begin{aligned}
L &= \tfrac34 \log \tfrac{16}{3} \\
&\quad + \tfrac14 \log 1024 \\
&\approx 2.988 , \\
e^L &\approx 19.9 .
\end{aligned}
$$

The sum splits into two bills. Which *kind* of word comes costs
$\tfrac34\log\tfrac43 + \tfrac14 \log 4 \approx 0.562$ nats; which word *of* the kind costs
$\tfrac34 \log 4 + \tfrac14 \log 256 \approx 2.426$. Leave the first out and you have the
perplexity 11.3, that of a model which is told the kind in advance. A source of 260 words is as
uncertain as a die with 20 faces: that is what knowing the frequencies is worth. Next, find the
split of the probability (other than ¾ to ¼) at which this source is as hard as a die with 260
faces.
"""


def check(answers):
    """Each number, with the usual wrong ones named."""
    loss = number(answers, "loss_of_the_uniform_model")
    if is_close(loss, math.log2(8000), 1e-3):
        raise Wrong(
            "1 is in bits (log to the base 2); nats want the natural logarithm."
        )
    if is_close(loss, math.log10(8000), 1e-3):
        raise Wrong("1 is a logarithm to the base 10; nats want the natural logarithm.")
    if is_close(loss, 8000, 1e-3):
        raise Wrong("1: 8000 is the perplexity. The loss is its logarithm.")
    if is_close(loss, -math.log(8000), 1e-3):
        raise Wrong("1: the loss is minus the log probability, so it is positive.")
    if not is_close(loss, math.log(8000), 1e-3):
        raise Wrong(
            "1: each word has the probability 1/8000; the loss is minus its logarithm."
        )

    whole = number(answers, "perplexity_of_the_whole")
    if is_close(whole, 109.0, 1e-3):
        raise Wrong(
            "2: 109 is the mean of the two perplexities. What is averaged over words is the loss; "
            "exponentiate the mean, once, at the end."
        )
    if is_close(whole, 100.0, 1e-2):
        raise Wrong(
            "2: you gave both groups the same weight; nine words in ten are common."
        )
    if is_close(whole, 1.2 * math.log(10), 1e-2):
        raise Wrong("2: that is the mean loss; the perplexity is its exponential.")
    if not is_close(whole, 10**1.2, 1e-3):
        raise Wrong(
            "2: turn both perplexities into losses, average over the 1000 words, go back."
        )

    lowest = number(answers, "lowest_perplexity")
    entropy = 0.75 * math.log(16 / 3) + 0.25 * math.log(1024)
    told = 0.75 * math.log(4) + 0.25 * math.log(256)
    if is_close(lowest, math.exp(told), 1e-2):
        raise Wrong(
            "3: that is the perplexity of a model that is told whether the next word is common or "
            "rare. Not knowing it costs something, too."
        )
    if is_close(lowest, 67.0, 1e-3):
        raise Wrong(
            "3: 67 is the mean of 4 and 256. Average losses, not numbers of words."
        )
    if is_close(lowest, 260.0, 1e-3):
        raise Wrong(
            "3: 260 is the model that holds all words equally likely; they are not."
        )
    if is_close(lowest, entropy, 1e-3):
        raise Wrong(
            "3: that is the entropy in nats; the perplexity is its exponential."
        )
    if not is_close(lowest, math.exp(entropy), 2e-3):
        raise Wrong(
            "3: the best model gives each word its true probability. Take minus the logarithm of "
            "a common word's and of a rare word's, and weigh them by how often they come."
        )
    return "Losses are averaged, perplexities are not; and no model gets below the entropy."
