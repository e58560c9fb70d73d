"""The bytes of a SequenceExample, counted by hand."""

from unrolled.exercises.judging import Wrong, number

TITLE = "Bytes of a sentence"
CHAPTER = "06-tensorflow/sequence-examples"
KIND = "derive"
LEVEL = 2
MINUTES = 25

TEXT = r"""
An integer $y \ge 0$ takes $v(y)$ bytes, one for every seven bits, {eq}`eq-varint`, and a content of
$m$ bytes becomes a field of $\ell(m) = 1 + v(m) + m$ bytes, {eq}`eq-field-bytes`. With these two
rules, and with {eq}`eq-sequence-record` and {eq}`eq-plain-record` for the order of nesting, count
by hand:

- `small` and `large`, the bytes of one step of a `SequenceExample` that holds the id 100, and the
  id 300;
- `record`, the bytes in a TFRecord file of a sentence of 20 ids as a `SequenceExample`: START (1),
  18 words with ids between 128 and 16,383, END (2). The list has the name `ids`, the context is
  empty (and still a field), and the frame of the record counts;
- `plain`, the same sentence as a plain `Example`, with all ids in one packed list;
- `vector`, the bytes of one step that holds a vector of 256 floats of 4 bytes each, packed.
"""

STUB = """
small = None
large = None
record = None
plain = None
vector = None
"""

HINTS = (
    "A step is a number in a list in a `Feature` in a list of features: three fields around $v(y)$"
    " bytes. How long is the length of something shorter than 128 bytes?",
    "From the inside: the steps of `record` are $2 \\cdot 7 + 18 \\cdot 8$ bytes. That is more "
    "than 127, so its length takes two bytes, and so do those of the fields around it.",
    "The name is a field of its own, $\\ell(3)$, beside the field of the steps. Around both come "
    "two more fields; then the empty context, $\\ell(0)$, and 16 bytes of frame.",
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
A step with one id is 7 or 8 bytes, of which 6 are nesting: three times a byte for the name of the
field and a byte for its length. From the inside out, the sentence is

$$
\begin{aligned}
2 \cdot 7 + 18 \cdot 8 &= 158 , \\
\ell(158) &= 161 , \\
\ell(3) + 161 &= 166 , \\
\ell(166) &= 169 , \\
\ell(169) &= 172 , \\
16 + \ell(0) + 172 &= 190 ,
\end{aligned}
$$

190 bytes, 9.5 for each id, against 69 as a plain `Example` and 40 as an array of 16-bit numbers.
The nesting is paid per step, whatever the step holds: for a vector of 256 floats it is 9 bytes on
1024 (each of the three lengths takes two bytes now), less than one per cent. So the remark that a
data set grew tenfold says as much about what was in the steps as about the format. Check yourself
against `sequence_examples.sequence_example(ids).ByteSize() + 16`.
"""


def _v(y):
    return max(1, -(-int(y).bit_length() // 7))


def _field(m):
    return 1 + _v(m) + m


def check(answers):
    """Five numbers of bytes."""
    if number(answers, "small") != 7:
        raise Wrong(
            "`small`: 100 fits into seven bits, so it takes one byte; around it are three fields "
            "of two more bytes each, one that names the field and one for the length."
        )
    large = number(answers, "large")
    if large == 7:
        raise Wrong("`large`: 300 needs nine bits, and a byte has room for seven.")
    if large != 8:
        raise Wrong(
            "`large` is three fields around the bytes of 300, which has nine bits."
        )
    record, steps = number(answers, "record"), 2 * 7 + 18 * 8
    right = 16 + _field(0) + _field(_field(_field(3) + _field(steps)))
    explained = {
        right
        - 16: "leaves out the frame that the file puts around the message, 16 bytes.",
        right
        - 2: "leaves out the empty context: a field without content still has two bytes.",
        right - 18: "leaves out the frame of 16 bytes and the empty context of two.",
        16 + 2 + _field(_field(5 + _field(20 * 8))): (
            "takes two bytes for every id. START and END are below 128."
        ),
        16 + 2 + 2 + 2 + 5 + 2 + steps: (
            "takes one byte for every length. A length is an integer like others: above 127 it "
            "takes two."
        ),
        right
        - 5: "leaves out the name of the list, a field of five bytes, beside the steps.",
    }
    if record in explained:
        raise Wrong(f"`record` {explained[record]}")
    if record != right:
        raise Wrong(
            "`record` is not the count of eq-sequence-record. Work from the inside: the steps, "
            "their field, the name beside it, two fields around, the context, the frame."
        )
    plain, ids = number(answers, "plain"), 2 + 18 * 2
    right = 16 + _field(_field(5 + _field(_field(_field(ids)))))
    if plain == right + 2:
        raise Wrong(
            "`plain` has a context, or an id too many bytes: an Example has no context, and START "
            "and END take one byte each."
        )
    if plain == right - 16:
        raise Wrong("`plain` leaves out the frame; both kinds of message have one.")
    if plain != right:
        raise Wrong(
            "`plain`: the bytes of all ids together, three fields around them, the name beside "
            "that, two fields around, and the frame."
        )
    vector = number(answers, "vector")
    if vector == 1024 + 6:
        raise Wrong(
            "`vector`: the lengths of 1024 bytes and more do not fit into one byte."
        )
    if vector == 256 * 7 or vector == 256 * 10:
        raise Wrong(
            "`vector`: the 256 floats stand in one packed list and share its nesting."
        )
    if vector != 1033:
        raise Wrong("`vector` is three fields around 4 · 256 bytes.")
    return "Six bytes of nesting on an id, nine on a vector of 1024 bytes."
