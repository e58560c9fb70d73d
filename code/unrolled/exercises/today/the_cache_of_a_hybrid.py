"""Bytes of the caches and states of a hybrid, and the length at which they are equal."""

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "The cache of a hybrid"
CHAPTER = "08-today/hybrids"
SECTION = "what-a-stack-must-store"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
A language model has 40 layers. An attention layer stores a key and a value of 1,024 numbers each
for every token. A recurrent layer has a state of 16 heads, each a matrix of 128 rows and 128
columns. A number takes 2 bytes. Compute, with {eq}`eq-hybrid-memory`:

- `attention_only`: the bytes for 100,000 tokens if all layers are attention layers.
- `hybrid`: the bytes for 100,000 tokens if every fourth layer is an attention layer and the others
  are recurrent.
- `crossing`: the number of tokens at which an attention layer and a recurrent layer need the same
  memory.
- `most_pairs`: a task asks for the values of $n$ keys, in any order. Each value is one of 65,536
  symbols. What is the largest $n$ that {eq}`eq-recall-bound` allows for the states of the
  *recurrent layers* of the hybrid?
"""

STUB = """
attention_only = ...
hybrid = ...
crossing = ...
most_pairs = ...
"""

HINTS = (
    "An attention layer stores two vectors of 1,024 numbers for each token.",
    "A state has $16 \\cdot 128 \\cdot 128$ numbers, whatever the number of tokens.",
    "One of 65,536 symbols is 16 bits. How many bits do the states of 30 layers have?",
)

SOLUTION = """
layers, tokens, itemsize = 40, 100_000, 2
per_token = 2 * 1024 * itemsize  # bytes of an attention layer
state = 16 * 128 * 128 * itemsize  # bytes of a recurrent layer

attention_only = layers * tokens * per_token
hybrid = 10 * tokens * per_token + 30 * state
crossing = state / per_token
most_pairs = 30 * state * 8 // 16
print(attention_only, hybrid, crossing, most_pairs)
"""

COMMENT = r"""
The attention stores 16.4 GB, and the hybrid 4.1 GB. The states need only 16 MB of it. For fewer
than 128 tokens, a recurrent layer needs *more* memory than an attention layer. Here, this
happens to be the number of rows of a matrix.

The bound says that the states could store the values of about eight million pairs. The matrix
states of the book recall far fewer. A matrix keeps about as many pairs apart as it has rows, here
128 in each head, because it must find a value by its key. The bound counts only bits. It does not
say that a network can use them.
"""


def check(answers):
    """Four numbers."""
    per_token, state = 2 * 1024 * 2, 16 * 128 * 128 * 2
    found = number(answers, "attention_only")
    right = 40 * 100_000 * per_token
    if is_close(found, right / 2, 1e-6):
        raise Wrong("`attention_only`: a key *and* a value, each number with 2 bytes.")
    if not is_close(found, right, 1e-6):
        raise Wrong("`attention_only`: layers × tokens × numbers of a token × bytes.")
    found = number(answers, "hybrid")
    right = 10 * 100_000 * per_token + 30 * state
    if is_close(found, 10 * 100_000 * per_token, 1e-9):
        raise Wrong("`hybrid`: the states of the 30 recurrent layers are missing.")
    if is_close(found, 10 * 100_000 * per_token + 30 * 100_000 * state, 1e-6):
        raise Wrong("`hybrid`: a state does not grow with the number of tokens.")
    if not is_close(found, right, 1e-9):
        raise Wrong("`hybrid`: 10 layers with a cache and 30 with a state.")
    found = number(answers, "crossing")
    if found == 256:
        raise Wrong("`crossing`: a token has a key and a value.")
    if found != state / per_token:
        raise Wrong("`crossing`: at how many tokens is a cache as large as a state?")
    found = number(answers, "most_pairs")
    if found == 40 * state * 8 // 16:
        raise Wrong("`most_pairs`: only 30 of the 40 layers are recurrent.")
    if found == 30 * state // 16:
        raise Wrong("`most_pairs`: a byte has 8 bits.")
    if found != 30 * state * 8 // 16:
        raise Wrong(
            "`most_pairs`: all bits of the states, divided by the bits of a value."
        )
    return "A few attention layers need nearly all of the memory."
