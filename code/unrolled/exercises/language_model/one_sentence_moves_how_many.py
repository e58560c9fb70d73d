"""How many parameters the model has, and how many of them a sentence can change."""

from unrolled.exercises.judging import Wrong, number

TITLE = "How many numbers can one sentence change?"
CHAPTER = "02-language-model/parameters"
SECTION = "how-many-parameters"
KIND = "derive"
LEVEL = 1
MINUTES = 10

TEXT = r"""
A model has $V = 8000$ words and $H = 100$ hidden units. A model without biases, like the model of
the second post {cite:p}`britz2015part2`, has $2HV + H^2$ parameters, in $W_x$, $W_y$ and $W_h$. Our
model also has the biases $b$ and $b_y$.

1. How many parameters does our model have?
2. How many of them does the formula $2HV + H^2$ leave out?
3. Our model makes *one* SGD step on *one* sentence with $T = 45$ inputs, no two of them equal.
   At most how many parameters can change?
4. *Weight tying* uses the same matrix for reading and for predicting, $W_y = W_x^\top$. How many
   parameters are left in our model?
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
    "The gradient of a row of $W_x$ is a sum over the positions where its word was read. The "
    "softmax gives every word a probability above 0, so every logit gets a gradient.",
)

SOLUTION = """
V, H, T = 8000, 100, 45

ours = V * H + H * H + H + H * V + V
left_out = H + V
can_change = T * H + H * H + H + H * V + V
tied = V * H + H * H + H + V
"""

COMMENT = r"""
The five arrays of our model have 1,618,100 entries, and the formula gives 1,610,000. The 8,100
biases are only half a per cent. Still, biases matter. Without the 100 biases in $b$,
{ref}`the post's training curve <the-first-hundred-sentences>` begins with a plateau.
{ref}`ch-initialisation` shows that the plateau ends within an epoch if these 100 biases are
trained.

A sentence of 45 words changes 45 of the 8,000 rows of $W_x$ and all other arrays: 822,600
numbers. A row of $W_x$ changes only when its word is *read*. A column of $W_y$ gets a gradient at
every word of the text, mostly because its word was not the next word.

With tied weights, the model has 818,100 parameters. The recurrent matrix $W_h$ has 10,000 of them
in both cases. A later exercise of this page derives the gradient of a tied matrix.
"""


def check(answers):
    """Four counts, with what is usually forgotten."""
    V, H, T = 8000, 100, 45
    post = 2 * H * V + H * H
    ours = number(answers, "ours")
    if ours == post:
        raise Wrong("1 is the count without biases; our model has two biases.")
    if ours in (post + H, post + V):
        raise Wrong(
            "1 has only one of the two biases: b for the hidden units, b_y for the words."
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
        raise Wrong("2 is the difference between 1 and the value of the formula.")
    rest = H * H + H + H * V + V
    moved = number(answers, "can_change")
    if moved == post + H + V:
        raise Wrong("3: the row of W_x of a word that was not read has the gradient 0.")
    if moved == T * H + H * H + H + H * T + T:
        raise Wrong(
            "3: W_x is right, W_y is not. The words that were not next have probabilities above 0, "
            "so their logits get a gradient too."
        )
    if moved == T * (H * H) + rest - H * H + T * H:
        raise Wrong(
            "3: W_h is one matrix that is used 45 times; its gradients are summed."
        )
    if moved == T + rest:
        raise Wrong(
            "3: each word that was read has a whole row of W_x, not one number."
        )
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
        raise Wrong("4: only one of the two large matrices is gone.")
    return (
        "About half of the model changes, and less than one per cent of the rows of W_x."
    )
