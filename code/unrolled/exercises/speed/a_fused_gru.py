"""The memory traffic of a GRU in one kernel, and the widest GRU that fits on the chip."""

from unrolled.exercises.judging import Wrong, choice, is_close, number

TITLE = "A GRU on the chip"
CHAPTER = "07-gpu/a-fused-lstm"
SECTION = "how-to-divide-the-work"
KIND = "derive"
LEVEL = 3
MINUTES = 25

TEXT = r"""
Plan the chapter's kernel for a GRU. Here $W_h$ has $3H$ columns. The reset gate acts *after* the
product, $r_t \odot (h_{t-1} W_{hh} + \dots)$. The work is divided by the units: each program owns
$U$ units, with their columns in all three blocks, for $R$ rows of the batch. Take $T = 100$,
$B = 64$, $H = 512$, $R = U = 16$ and 2 bytes per number. Count megabytes of $10^6$ bytes, over all
programs and the whole forward pass. Set these names:

- `again_mb`: the megabytes of $W_h$ that are read if every step reads $W_h$ again.

- `once_mb`: the megabytes of $W_h$ that are read if each program keeps its columns.

- `exchanged_mb`: the megabytes of $h_{t-1}$ that the programs read in the second case. Every
  program needs the states of all units.

A device has 132 multiprocessors. Each runs one program with at most 128 KiB ($2^{17}$ bytes) of
$W_h$, and all programs must run at the same time. Again, $B = 64$ and each number takes 2 bytes.
You may choose $R$ from 16, 32, 64 and $U$ from 16, 32, and $H$ must be a multiple of $U$. Set
`widest` to the largest $H$ that fits. Set `rows` and `units` to values of $R$ and $U$ with which
this $H$ fits.

Finally, let the reset gate act *before* the product, $(r_t \odot h_{t-1})\, W_{hh}$. How does the
kernel change? Set `waits` to the right letter:

- **a** Nothing changes except the order in which the bytes are read.

- **b** Each program must keep more columns of $W_h$.

- **c** The programs wait for each other twice in a step, and exchange twice as much.

- **d** The work can no longer be divided by the units.
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
    "Use the chapter's equations with 3 instead of 4. A block of rows has $H/U$ "
    "programs, and there "
    "are $B/R$ blocks.",
    "There are two limits: $3HU \\cdot 2 \\le 2^{17}$ bytes for a program, and "
    "$\\frac{B}{R} \\frac{H}{U} \\le 132$ programs. The first favours a small $U$, "
    "and the second "
    "favours a large $R$ and $U$.",
    "If the reset acts before the product, a program needs the $r_t$ of which units? "
    "Of which units "
    "has it computed $r_t$ itself?",
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

The ratio $M_h / M_{\text{again}} = R / (3U)$ is a third. For the LSTM it is a quarter. A GRU has
fewer weights to keep and exchanges the same states, so it gains less.

With $R = 16$ there are four blocks of rows. At $U = 16$ this leaves $132/4 = 33$ programs for the
units of each block, so $H = 528$. With $U = 32$ the number of programs would allow $H = 1056$, but
at $H = 672$ the columns of a program already fill most of its 128 KiB. A wider GRU fits if a
program has *more rows*. The program then needs no more weights, only more arithmetic in every step.
At $R = 64$ and $U = 16$ there is one block of 85 programs, each keeps
$3 \cdot 1360 \cdot 16 \cdot 2 = 130{,}560$ bytes, and $H = 1360$. An even wider GRU would need
fewer units in a program, numbers of one byte, or a second device.

A program can compute $r_t$ for its own $U$ units only, because it has only their columns. If the
reset acts before the product, the candidate needs $r_t \odot h_{t-1}$ of *all* units. A step then
has two halves. In the first half, the program waits for $h_{t-1}$, computes the gates and stores
$r_t \odot h_{t-1}$. In the second half, it waits again and computes the candidate. If a step is
mostly waiting, it then takes nearly twice the time. This is a good reason to reset after the
product ({doc}`/book/04-gates/the-gru`).
"""


def check(answers):
    """Checks the bytes, then the two limits, then where the GRU must wait."""
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
                    "there are B/R blocks of rows, and each of them reads all of W_h.",
                ),
            ),
        ),
        (
            "once_mb",
            again / T,
            (
                (
                    again * R / B / T,
                    "each block of rows has its own programs, so W_h is read B/R "
                    "times.",
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
                    "the forward pass exchanges h, which has H numbers per row, not "
                    "3H.",
                ),
                (
                    exchanged * B / R,
                    "each program reads only its own R rows, not all B.",
                ),
            ),
        ),
    ):
        found = number(answers, name)
        if name != "exchanged_mb" and is_close(found, right * 4 / 3, 1e-3):
            raise Wrong(
                f"`{name}` is the LSTM's number. The W_h of a GRU has three blocks "
                "of columns."
            )
        if is_close(found, right / s, 1e-3):
            raise Wrong(f"`{name}` counts numbers, and each number has 2 bytes.")
        if is_close(found, right * 1e6 / 2**20, 1e-3):
            raise Wrong(f"`{name}`: a megabyte has a million bytes here.")
        for wrong, why in likely:
            if is_close(found, wrong, 1e-3):
                raise Wrong(f"`{name}`: {why}")
        if not is_close(found, right, 1e-3):
            raise Wrong(
                f"`{name}` is not right. Multiply steps × programs × numbers that "
                "one reads × 2 bytes."
            )
    _widest(answers)
    why_not = {
        "a": "`waits`: a program has r of its own units only. The r of which units "
        "does the "
        "candidate's product need?",
        "b": "`waits`: a program that kept all columns could compute all of r, but "
        "then the work "
        "would no longer be divided. There is a cheaper way.",
        "d": "`waits`: the units can still be divided. What does a program need from "
        "the others?",
    }
    choice(answers, "waits", why_not, "c")
    return "The weights stay on the chip, and the states are exchanged. Reset after the product."


def _widest(answers):
    widest = number(answers, "widest")
    likely = {
        528: "`widest`: 528 fits with R = U = 16. More rows in a program need no more weights.",
        672: "`widest`: at U = 32 the weights allow only 672. A smaller U keeps fewer columns.",
        1024: "`widest`: 1024 is the LSTM's number. A GRU keeps three blocks of columns, not four.",
        1056: "`widest`: at R = 32 or U = 32 there are programs for 1056. Try a different R and U.",
        1365: "`widest`: H should be a multiple of U.",
        2112: "`widest`: there are enough programs for 2112, but each would need more than 128 "
        "KiB.",
    }
    if widest in likely:
        raise Wrong(likely[int(widest)])
    rows, units = number(answers, "rows"), number(answers, "units")
    if rows not in (16, 32, 64) or units not in (16, 32):
        raise Wrong("`rows` is one of 16, 32, 64 and `units` one of 16, 32.")
    if widest % units:
        raise Wrong(f"`widest` is not a multiple of your `units`, {units:.0f}.")
    if 3 * widest * units * 2 > 2**17:
        raise Wrong(
            f"`widest`: with your `units` a program has "
            f"{3 * widest * units * 2 / 1024:.1f} KiB of "
            "W_h, but only 128 KiB fit."
        )
    programs = 64 / rows * widest / units
    if programs > 132:
        raise Wrong(
            f"`widest`: with your `rows` and `units` there are {programs:.0f} programs."
        )
    if widest != 1360:
        raise Wrong(
            "`widest` fits, but a wider GRU fits too. Neither limit is reached."
        )
