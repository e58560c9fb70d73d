"""The bytes of a SequenceExample, counted by hand."""

from unrolled.exercises.judging import Wrong, number

TITLE = "Bytes of a sentence"
CHAPTER = "reference/tfrecord-files"
SECTION = "the-bytes-of-a-message"
KIND = "derive"
LEVEL = 2
MINUTES = 25

TEXT = r"""
An integer $y \ge 0$ takes $v(y)$ bytes, one for every seven bits ({eq}`eq-varint`). A field with
$m$ bytes of content takes $\ell(m) = 1 + v(m) + m$ bytes ({eq}`eq-field-bytes`).
{eq}`eq-sequence-record` and {eq}`eq-plain-record` show how the fields are nested. Count by hand:

- `small` and `large`: the bytes of one step of a `SequenceExample`, if the step holds the id 100
  and if it holds the id 300.
- `record`: the bytes of a `SequenceExample` of 20 ids in a TFRecord file. The sentence is START
  (1), 18 words with ids between 128 and 16,383, and END (2). The list has the name `ids`. The
  context is empty, but it is still a field. The frame of the record counts too.
- `plain`: the bytes of the same sentence in a plain `Example`, which holds all ids in one packed
  list.
- `vector`: the bytes of one step that holds a vector of 256 floats of 4 bytes each, in one packed
  list.
"""

STUB = """
small = None
large = None
record = None
plain = None
vector = None
"""

HINTS = (
    "A step is a number in a list, in a `Feature`, in a list of features. These are "
    "three fields around $v(y)$ bytes. How many bytes does a length take if it is "
    "below 128?",
    "Start with the innermost bytes. The steps of `record` have $2 \\cdot 7 + 18 "
    "\\cdot 8$ bytes. This is more than 127, so their length takes two bytes, and so "
    "do the lengths of the fields around them.",
    "The name is a field of its own, $\\ell(3)$, next to the field of the steps. Two "
    "more fields surround both. Then add the empty context, $\\ell(0)$, and the frame "
    "of 16 bytes.",
)

SOLUTION = '''
def v(y):
    """Bytes of an integer."""
    return max(1, -(-y.bit_length() // 7))


def field(m):
    """Bytes of a field whose content has m bytes."""
    return 1 + v(m) + m


def step(y):
    return field(field(field(v(y))))


small, large = step(100), step(300)
ids = [1] + 18 * [300] + [2]
steps = sum(step(y) for y in ids)
record = 16 + field(0) + field(field(field(3) + field(steps)))
packed = field(field(field(sum(v(y) for y in ids))))
plain = 16 + field(field(field(3) + packed))
vector = field(field(field(256 * 4)))
print(small, large, record, plain, vector)
'''

COMMENT = r"""
A step with one id takes 7 or 8 bytes. Six of them are nesting: each of the three fields has one
byte for its name and one for its length. From the inside out, the sentence gives

$$
\begin{aligned}
2 \cdot 7 + 18 \cdot 8 &= 158 , \\
\ell(158) &= 161 , \\
\ell(3) + 161 &= 166 , \\
\ell(166) &= 169 , \\
\ell(169) &= 172 , \\
16 + \ell(0) + 172 &= 190 .
\end{aligned}
$$

The record has 190 bytes, or 9.5 for each id. A plain `Example` takes 69 bytes, and an array of
16-bit integers takes 40.

Every step needs three nested fields, whatever it contains. A vector of 256 floats has 1,024 bytes.
Its nesting takes 9 bytes, because each of the three lengths now takes two bytes. This is less than
one per cent. How much larger the format makes a data set therefore depends on what the steps
contain. To check your result, compute `sequence_examples.sequence_example(ids).ByteSize() + 16`.
"""


def _v(y):
    return max(1, -(-int(y).bit_length() // 7))


def _field(m):
    return 1 + _v(m) + m


def check(answers):
    """Five numbers of bytes."""
    if number(answers, "small") != 7:
        raise Wrong(
            "`small`: 100 fits into seven bits, so it takes one byte. Three fields surround it. "
            "Each adds one byte for its name and one for its length."
        )
    large = number(answers, "large")
    if large == 7:
        raise Wrong(
            "`large`: 300 has nine bits, and a byte has room for seven of them."
        )
    if large != 8:
        raise Wrong(
            "`large`: put three fields around the bytes of 300, which has nine bits."
        )
    record, steps = number(answers, "record"), 2 * 7 + 18 * 8
    right = 16 + _field(0) + _field(_field(_field(3) + _field(steps)))
    explained = {
        right
        - 16: "leaves out the frame that the file puts around the message, 16 bytes.",
        right
        - 2: "leaves out the empty context. A field without content still takes two bytes.",
        right
        - 18: "leaves out the frame of 16 bytes and the empty context of two bytes.",
        16 + 2 + _field(_field(5 + _field(20 * 8))): (
            "counts two bytes for every id. START and END are below 128."
        ),
        16 + 2 + 2 + 2 + 5 + 2 + steps: (
            "counts one byte for every length. A length is an integer like any other: above 127 "
            "it takes two bytes."
        ),
        right
        - 5: "leaves out the name of the list, a field of five bytes next to the steps.",
    }
    if record in explained:
        raise Wrong(f"`record` {explained[record]}")
    if record != right:
        raise Wrong(
            "`record` is not right yet. Work from the inside out: the steps, their field, the "
            "name next to it, two fields around both, the context, the frame."
        )
    plain, ids = number(answers, "plain"), 2 + 18 * 2
    right = 16 + _field(_field(5 + _field(_field(_field(ids)))))
    if plain == right + 2:
        raise Wrong(
            "`plain` has two bytes too many: an Example has no context, and START and END take "
            "one byte each."
        )
    if plain == right - 16:
        raise Wrong("`plain` leaves out the frame. Both kinds of message have one.")
    if plain != right:
        raise Wrong(
            "`plain`: take the bytes of all ids, put three fields around them, add the name, put "
            "two fields around both, and add the frame."
        )
    vector = number(answers, "vector")
    if vector == 1024 + 6:
        raise Wrong("`vector`: a length of 1024 or more does not fit into one byte.")
    if vector == 256 * 7 or vector == 256 * 10:
        raise Wrong(
            "`vector`: the 256 floats are in one packed list and share its nesting."
        )
    if vector != 1033:
        raise Wrong("`vector`: put three fields around 4 · 256 bytes.")
    return "The nesting takes six bytes for an id, and nine for a vector of 1024 bytes."
