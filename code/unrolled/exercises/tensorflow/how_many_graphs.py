"""How often a function is traced and compiled."""

from unrolled.exercises.judging import Wrong, number

TITLE = "How many graphs?"
CHAPTER = "06-tensorflow/unrolled-or-dynamic"
SECTION = "compiled-again"
KIND = "predict"
LEVEL = 1
MINUTES = 10

TEXT = r"""
A training step in a `tf.function` gets batches of 32 sequences, each padded to its longest
sequence. In one epoch the batches have the lengths 5, 6, 7, 8, 9, 10, 11 and 12, each many times. A
second epoch has the same lengths again. How many graphs are built in the two epochs together in
each of these cases?

- `plain`: a bare `@tf.function` around a loop over the steps
- `signature`: an `input_signature` with the shape `[None, None, D]`
- `multiples`: a bare `@tf.function`, and every batch is padded to the next multiple of 8

How many times does XLA compile in the following case?

- `compiled`: `jit_compile=True` and the shape `[None, None, D]`

A function `descend(weight, gradient, rate)` in a bare `@tf.function` is called six times, and the
rate is halved after every call. How many graphs are built in these two cases?

- `python_rates`: the rate is a Python number
- `tensor_rates`: the rate is a `tf.constant`
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
    "A graph is built for one signature: the types and shapes of the tensors, and the "
    "*values* of all other arguments. If the signature was seen before, TensorFlow "
    "uses the stored graph.",
    "A graph may have an open length. Machine code from XLA may not, because it is "
    "generated for fixed sizes.",
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
The second epoch adds no graphs, because TensorFlow has stored the graphs of all its shapes. What
counts is the number of different signatures.

The numbers `plain` and `compiled` are equal, but the costs are not. The graph of a loop is traced
in a fraction of a second, and TensorFlow warns after a few graphs. Compiling takes longer, no
counter shows it, and there is no warning. With lengths up to a hundred, there can be a hundred
pauses in the first epoch, and it is easy to think that the program is just slow. With buckets
({doc}`/book/06-tensorflow/batching-and-padding`), you choose how many lengths there are.

A Python number becomes a constant of the graph, so each new value needs a new graph.
`tf.constant(rate)` and a variable of the optimizer are ordinary inputs.
"""


def check(answers):
    """Six counts."""
    plain = number(answers, "plain")
    if plain == 1:
        raise Wrong(
            "`plain`: the loop could run for any length, but without a signature each graph is "
            "built for the shape of one batch."
        )
    if plain == 16:
        raise Wrong(
            "`plain`: in the second epoch all shapes are known, and nothing is traced."
        )
    if plain != 8:
        raise Wrong("`plain`: there is one graph for each different shape.")
    signature = number(answers, "signature")
    if signature == 8:
        raise Wrong(
            "`signature`: `None` says that the length varies, so one graph is enough."
        )
    if signature != 1:
        raise Wrong(
            "`signature`: how many different signatures are there if the lengths are open?"
        )
    multiples = number(answers, "multiples")
    if multiples == 1:
        raise Wrong("`multiples`: 5 to 8 become 8, but 9 does not.")
    if multiples != 2:
        raise Wrong(
            "`multiples`: which lengths remain after padding to multiples of 8?"
        )
    compiled = number(answers, "compiled")
    if compiled == 1:
        raise Wrong(
            "`compiled`: the graph is traced once, but XLA generates code for fixed sizes, and "
            "compiles again for every new length."
        )
    if compiled != 8:
        raise Wrong(
            "`compiled`: XLA compiles once for every length, and not again for a known length."
        )
    rates = number(answers, "python_rates")
    if rates == 1:
        raise Wrong(
            "`python_rates`: a Python number is not a tensor. Its value is built into the graph."
        )
    if rates != 6:
        raise Wrong(
            "`python_rates`: there are six calls with six different Python numbers."
        )
    if number(answers, "tensor_rates") != 1:
        raise Wrong(
            "`tensor_rates`: a tensor is an input of the graph. Only its type and its shape must "
            "be the same in every call."
        )
    return (
        "New shapes and Python values build graphs; XLA compiles once for every length."
    )
