"""How many parameters the model has, and how many a sentence can move."""

from unrolled.exercises.judging import Wrong, number

TITLE = "How many numbers can one sentence move?"
CHAPTER = "02-language-model/parameters-and-initialisation"
KIND = "derive"
LEVEL = 1
MINUTES = 10

TEXT = r"""
The model of the second post has $V = 8000$ words and $H = 100$ hidden units. The post writes $C$
for $V$ and counts $2HC + H^2$ parameters, for $W_x$, $W_y$ and $W_h$. Ours has biases besides: $b$
and $b_y$.

1. How many parameters does our model have?
2. How many of them does the post's formula leave out?
3. Our model makes *one* SGD step on *one* sentence with $T = 45$ inputs, no two of them equal. At
   most how many parameters can change?
4. *Weight tying* uses one matrix for reading and for saying, $W_y = W_x^\top$. How many parameters
   are left in our model?
"""

STUB = """
V, H, T = 8000, 100, 45

ours = ...
left_out = ...
can_change = ...
tied = ...
"""

HINTS = (
    "Write down the shapes: $W_x$ is $(V, H)$, $W_h$ is $(H, H)$, $b$ is $(H,)$, $W_y$ is "
    "$(H, V)$, $b_y$ is $(V,)$.",
    "The gradient of a row of $W_x$ is a sum over the places where its word was read. The softmax "
    "gives every word a probability above 0, so every logit gets a gradient.",
)

SOLUTION = """
V, H, T = 8000, 100, 45

ours = V * H + H * H + H + H * V + V
left_out = H + V
can_change = T * H + H * H + H + H * V + V
tied = V * H + H * H + H + V
"""

COMMENT = r"""
The five arrays of our model have 1,618,100 entries, and the post's formula gives 1,610,000. The
8,100 biases, half a percent, look like a detail; without the 8,000 of them in $b_y$ the post's
model has to make the word frequencies out of hidden units, and that is the plateau at the
beginning of {ref}`its training curve <the-first-hundred-sentences>`.

A sentence of 45 words moves 45 of the 8,000 rows of $W_x$, and all of $W_y$: 822,600 numbers. A
row of $W_x$ learns when its word is *read*. A column of $W_y$ learns at every word of the text,
mostly that its word did not come this time. A rare word's row therefore needs long steps while its
column does not, which is what RMSprop and Adam see to.

Tied, the model has 818,100 parameters. The memory, $W_h$, has 10,000 of them in either case. What
the gradient of a tied matrix looks like is another exercise of this page.
"""


def check(answers):
    """Four counts, with what is usually forgotten."""
    V, H, T = 8000, 100, 45
    post = 2 * H * V + H * H
    ours = number(answers, "ours")
    if ours == post:
        raise Wrong("1 is the post's count; our model has two biases besides.")
    if ours in (post + H, post + V):
        raise Wrong(
            "1 has one of the two biases. One has an entry a hidden unit, one a word."
        )
    if ours == post + 2 * H:
        raise Wrong(
            "1: the output has one bias for each *word*, not for each hidden unit."
        )
    if ours == T * (post + H + V):
        raise Wrong("1: the weights are the same at every step; T does not enter.")
    if ours != post + H + V:
        raise Wrong("1: add up the sizes of W_x, W_h, b, W_y and b_y.")
    if number(answers, "left_out") != H + V:
        raise Wrong("2 is the difference between 1 and what the post's formula gives.")
    rest = H * H + H + H * V + V
    moved = number(answers, "can_change")
    if moved == post + H + V:
        raise Wrong("3: the row of W_x of a word that was not read has the gradient 0.")
    if moved == T * H + H * H + H + H * T + T:
        raise Wrong(
            "3: W_x is right, W_y is not. The 7,955 words that did not come have probabilities "
            "above 0, and each of those is a gradient."
        )
    if moved == T * (H * H) + rest - H * H + T * H:
        raise Wrong("3: W_h is one matrix, used 45 times; its gradients are added up.")
    if moved == T + rest:
        raise Wrong("3: a word that was read has a whole row of W_x, not one number.")
    if moved == rest + H:
        raise Wrong("3: 45 different words are read, and each has a row of its own.")
    if moved != T * H + rest:
        raise Wrong(
            "3: which rows of W_x get a gradient? Do any of the other arrays get less?"
        )
    tied = number(answers, "tied")
    if tied == V * H + H * H:
        raise Wrong("4: our model keeps its biases.")
    if tied != V * H + rest - H * V:
        raise Wrong("4: one of the two large matrices is gone, and nothing else.")
    return "Half of the model moves at every sentence, and less than one percent of the word rows."
