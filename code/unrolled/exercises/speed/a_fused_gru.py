"""The traffic of a GRU in one kernel, and the widest that fits."""

from unrolled.exercises.judging import Wrong, choice, is_close, number

TITLE = "A GRU on the chip"
CHAPTER = "07-gpu/a-fused-lstm"
KIND = "derive"
LEVEL = 3
MINUTES = 25

TEXT = r"""
The chapter's kernel, for a GRU: $W_h$ has $3H$ columns. The reset gate acts *after* the product,
$r_t \odot (h_{t-1} W_{hh} + \dots)$. Cut by the units, each program owns $U$ of them with their
columns in all three blocks, for $R$ rows of the batch. Take $T = 100$, $B = 64$, $H = 512$,
$R = U = 16$, 2 bytes a number, and set, in megabytes of $10^6$ bytes over all programs and the
forward pass:

- `again_mb`, what is read of $W_h$ if it is read again in every step;
- `once_mb`, if each program keeps its columns;
- `exchanged_mb`, what programs then read of $h_{t-1}$ of all units.

A device has 132 multiprocessors. Each holds one program, with at most 128 KiB ($2^{17}$ bytes) of
$W_h$, and all programs have to run at once. $B = 64$ rows, 2 bytes a number, and you may choose
$R$ from 16, 32, 64 and $U$ from 16, 32; $H$ is a multiple of $U$. Set

- `widest`, the largest $H$ that fits;
- `rows` and `units`, an $R$ and $U$ with which it does.

Lastly, let the reset gate act *before* the product, $(r_t \odot h_{t-1})\, W_{hh}$. Set `waits` to
what changes in the kernel: **a** nothing, the same bytes come in another order · **b** each program
has to keep more columns of $W_h$ · **c** programs wait for one another twice in a step, and
exchange twice as much · **d** it can no longer be cut by units at all.
"""

STUB = """
T, B, H, R, U, itemsize = 100, 64, 512, 16, 16, 2

again_mb = None
once_mb = None
exchanged_mb = None

widest = None
rows, units = None, None
waits = None
"""

HINTS = (
    "The equations are the chapter's with 3 in the place of 4. A block of rows has $H/U$ programs, "
    "and there are $B/R$ blocks.",
    "Two limits: $3HU \\cdot 2 \\le 2^{17}$ bytes for a program, and "
    "$\\frac{B}{R} \\frac{H}{U} \\le 132$ programs. One asks for a small $U$ and "
    "the other for large pieces.",
    "Before the product: which units' $r_t$ does a program need, and which has it computed itself?",
)

SOLUTION = """
T, B, H, R, U, itemsize = 100, 64, 512, 16, 16, 2

again_mb = T * B / R * 3 * H * H * itemsize / 1e6
once_mb = B / R * 3 * H * H * itemsize / 1e6
exchanged_mb = T * H / U * B * H * itemsize / 1e6


def fits(H, R, U):
    on_chip = 3 * H * U * itemsize <= 2**17
    return on_chip and B // R * (H // U) <= 132


plans = [
    (H, R, U)
    for U in (16, 32)
    for R in (16, 32, 64)
    for H in range(U, 4096, U)
    if fits(H, R, U)
]
widest, rows, units = max(plans)
waits = "c"
print(again_mb, once_mb, exchanged_mb, widest, rows, units)
"""

COMMENT = r"""
$$
\begin{aligned}
M_{\text{again}} &= T\, \tfrac BR\, 3H^2 s \\
&= 629\ \text{MB}, \\
M_W &= \tfrac BR\, 3H^2 s = 6.3\ \text{MB}, \\
M_h &= T\, \tfrac HU\, B H s = 210\ \text{MB} .
\end{aligned}
$$

The quotient $M_h / M_{\text{again}} = R / (3U)$ is a third here; for the LSTM it is a quarter. A
GRU has less to keep and exchanges the same states, so keeping gains it less.

With few rows a program ($R = 16$) there are four blocks of them, and at $U = 16$ only $132/4 = 33$
programs are left for the units, $H = 528$. Twice the units a program, $U = 32$, would allow 1056 by
number, but the columns then outgrow the chip at $H = 672$. What helps is *more rows*: they cost no
weights, only arithmetic in every step. At $R = 64$ and $U = 16$ there is one block, 85 programs
with $3 \cdot 1360 \cdot 16 \cdot 2 = 130{,}560$ bytes each, and $H = 1360$. Beyond it one would
take fewer units a program, numbers of one byte, or a second device.

A program can compute $r_t$ for its own $U$ units only, since it has their columns only. Reset
before the product, the candidate needs $r_t \odot h_{t-1}$ of *all* units. So a step has two
halves: wait for $h_{t-1}$, compute the gates, hand out $r_t \odot h_{t-1}$, wait again, compute the
candidate. Where a step is little more than its wait, that is nearly twice the time, and a good
reason to reset after the product ({doc}`/book/04-gates/the-gru`).
"""


def check(answers):
    """Bytes, then the two limits, then where the GRU has to wait."""
    T, B, H, R, U, s = 100, 64, 512, 16, 16, 2
    again = T * B / R * 3 * H * H * s / 1e6
    exchanged = T * H / U * B * H * s / 1e6
    for name, right, likely in (
        (
            "again_mb",
            again,
            (
                (
                    again * R / B,
                    "there are B/R blocks of rows, and each reads all of W_h.",
                ),
            ),
        ),
        (
            "once_mb",
            again / T,
            (
                (
                    again * R / B / T,
                    "each block of rows has programs of its own: W_h is read B/R times.",
                ),
            ),
        ),
        (
            "exchanged_mb",
            exchanged,
            (
                (
                    exchanged * U / H,
                    "each of the H/U programs of a block reads all units.",
                ),
                (
                    3 * exchanged,
                    "what is exchanged forward is h, H numbers a row, not 3H.",
                ),
                (
                    exchanged * B / R,
                    "each program reads its own rows: R of them, and not B.",
                ),
            ),
        ),
    ):
        found = number(answers, name)
        if name != "exchanged_mb" and is_close(found, right * 4 / 3, 1e-3):
            raise Wrong(
                f"`{name}` is the LSTM's; W_h of a GRU has three blocks of columns."
            )
        if is_close(found, right / s, 1e-3):
            raise Wrong(f"`{name}` counts numbers; each has 2 bytes.")
        if is_close(found, right * 1e6 / 2**20, 1e-3):
            raise Wrong(f"`{name}`: here a megabyte is a million bytes.")
        for wrong, why in likely:
            if is_close(found, wrong, 1e-3):
                raise Wrong(f"`{name}`: {why}")
        if not is_close(found, right, 1e-3):
            raise Wrong(
                f"`{name}` is not right: steps × programs × what one reads × 2 bytes."
            )
    _widest(answers)
    why_not = {
        "a": "`waits`: a program has r of its own units only; whose r does the candidate's product "
        "need?",
        "b": "`waits`: it could compute r of all units if it kept all their columns, and then "
        "nothing would be cut any more. There is a cheaper way.",
        "d": "`waits`: the units can still be cut; what does a program have to ask the others for?",
    }
    choice(answers, "waits", why_not, "c")
    return (
        "The weights stay, the states travel; and a GRU should reset after its product."
    )


def _widest(answers):
    widest = number(answers, "widest")
    likely = {
        528: "`widest`: 528 is what fits with R = U = 16. More rows a program cost no weights.",
        672: "`widest`: at U = 32 the weights end it at 672. A smaller U keeps fewer columns.",
        1024: "`widest`: 1024 is an LSTM's. A GRU keeps three blocks of columns, not four.",
        1056: "`widest`: 1056 is where the programs run out at R = 32 or U = 32; try other pieces.",
        1365: "`widest`: H should be a multiple of U.",
        2112: "`widest`: there are programs enough for 2112, and each would need more than 128 "
        "KiB.",
    }
    if widest in likely:
        raise Wrong(likely[int(widest)])
    rows, units = number(answers, "rows"), number(answers, "units")
    if rows not in (16, 32, 64) or units not in (16, 32):
        raise Wrong("`rows` is one of 16, 32, 64 and `units` one of 16, 32.")
    if widest % units:
        raise Wrong(f"`widest` is no multiple of your `units`, {units:.0f}.")
    if 3 * widest * units * 2 > 2**17:
        raise Wrong(
            f"`widest`: with your `units` a program has {3 * widest * units * 2 / 1024:.1f} KiB of "
            "W_h, and 128 fit."
        )
    programs = 64 / rows * widest / units
    if programs > 132:
        raise Wrong(
            f"`widest`: with your `rows` and `units` there are {programs:.0f} programs."
        )
    if widest != 1360:
        raise Wrong(
            "`widest` fits, and a wider one does too: both limits leave something."
        )
