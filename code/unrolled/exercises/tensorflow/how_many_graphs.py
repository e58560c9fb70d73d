"""How often a function is traced and compiled."""

from unrolled.exercises.judging import Wrong, number

TITLE = "How many graphs?"
CHAPTER = "06-tensorflow/unrolled-or-dynamic"
KIND = "predict"
LEVEL = 1
MINUTES = 10

TEXT = r"""
A training step in a `tf.function` gets batches of 32 sequences padded to their longest. In one
epoch the lengths of the batches are 5, 6, 7, 8, 9, 10, 11 and 12, many times over; a second epoch
brings the same lengths again. Say how many graphs are made in both epochs together,

- `plain`, by a bare `@tf.function` around a loop over the steps;
- `signature`, if `input_signature` gives the shape `[None, None, D]`;
- `multiples`, with a bare `@tf.function`, if every batch is padded further, to the next multiple of
  8;

how many times XLA compiles,

- `compiled`, with `jit_compile=True` and the shape `[None, None, D]`;

and, for a function `descend(weight, gradient, rate)` that is called six times, with the rate halved
after every call,

- `python_rates`, how many graphs there are if the rate is a Python number;
- `tensor_rates`, if it is a `tf.constant`.
"""

STUB = """
plain = None
signature = None
multiples = None
compiled = None
python_rates = None
tensor_rates = None
"""

HINTS = (
    "A graph belongs to a signature: the types and shapes of the tensors, and the *values* of "
    "everything that is no tensor. Seen before, it is taken from the cache.",
    "A graph may have an open length. Machine code made by XLA has not: it is made for sizes.",
)

SOLUTION = """
lengths = list(range(5, 13))

plain = len(set(lengths))
signature = 1
multiples = len({-(-T // 8) * 8 for T in lengths})
compiled = len(set(lengths))
python_rates = 6
tensor_rates = 1
print(plain, signature, multiples, compiled, python_rates, tensor_rates)
"""

COMMENT = r"""
The second epoch costs nothing, as all its shapes are in the cache. What is counted is different
signatures. In the first and the fourth the number is the same and the price is not: a graph of a
loop is traced in a fraction of a second and TensorFlow warns after a few; compiling takes longer,
no counter shows it, and nothing is said. With lengths up to a hundred, that is a hundred pauses,
spread over the first epoch, which are easily taken for a slow program. Limits of buckets
({doc}`/book/06-tensorflow/batching-and-padding`) are a way to choose how many there will be.

A Python number is built into the graph as a constant, so each new value makes another graph.
`tf.constant(rate)`, or a variable of the optimizer, is an input like others.
"""


def check(answers):
    """Six counts."""
    plain = number(answers, "plain")
    if plain == 1:
        raise Wrong(
            "`plain`: the loop would run for any length, but nobody has told the graph. Without a "
            "signature the shape of the first batch is built in."
        )
    if plain == 16:
        raise Wrong(
            "`plain`: in the second epoch all shapes have been seen; nothing is traced."
        )
    if plain != 8:
        raise Wrong("`plain`: one graph for each different shape that comes.")
    signature = number(answers, "signature")
    if signature == 8:
        raise Wrong(
            "`signature`: `None` says that the length varies; one graph serves all."
        )
    if signature != 1:
        raise Wrong(
            "`signature`: how many different signatures are there, if lengths are open?"
        )
    multiples = number(answers, "multiples")
    if multiples == 1:
        raise Wrong("`multiples`: 5 to 8 become 8, but 9 does not.")
    if multiples != 2:
        raise Wrong(
            "`multiples`: which lengths are left after padding to multiples of 8?"
        )
    compiled = number(answers, "compiled")
    if compiled == 1:
        raise Wrong(
            "`compiled`: traced once, yes. XLA makes code for fixed sizes, and makes it again for "
            "every length that comes."
        )
    if compiled != 8:
        raise Wrong(
            "`compiled`: once for every length, and not again for one that was there."
        )
    rates = number(answers, "python_rates")
    if rates == 1:
        raise Wrong(
            "`python_rates`: a Python number is no tensor; its value is built in."
        )
    if rates != 6:
        raise Wrong("`python_rates`: six calls, six different Python numbers.")
    if number(answers, "tensor_rates") != 1:
        raise Wrong(
            "`tensor_rates`: a tensor is an input of the graph. What has to be the same from call "
            "to call are its type and its shape."
        )
    return "Shapes and Python values make graphs; XLA adds one compilation for every length."
