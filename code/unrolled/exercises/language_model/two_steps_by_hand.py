"""The gradient of W_h over two steps, with pencil and paper."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, close, is_close, number

TITLE = "Two steps by hand"
CHAPTER = "02-language-model/the-gradient"
KIND = "derive"
LEVEL = 2
MINUTES = 25

TEXT = r"""
A network with one hidden unit and three words has read two words, and the forward pass is done:

| | state | probabilities | the word that came |
|---|---|---|---|
| before | $h_0 = \tfrac14$ | | |
| step 1 | $h_1 = \tfrac12$ | $p_1 = (\tfrac12, \tfrac14, \tfrac14)$ | $y_1 = 1$ |
| step 2 | $h_2 = -\tfrac12$ | $p_2 = (\tfrac14, \tfrac14, \tfrac12)$ | $y_2 = 0$ |

The words are numbered from 0. The state carried over from an earlier piece of text, $h_0$, is not
zero. The weights that the way back needs are $w_h = 2$ and $W_y = (\log 2,\ 0,\ -\log 2)$; the
loss is the *sum* $L = L_1 + L_2$. With pencil and paper, find

1. $L$ itself,
2. $\mathrm d u_2$, the gradient at the three logits of step 2,
3. $\mathrm d a_2$, at the pre-activation of step 2,
4. $\mathrm d a_1$, at that of step 1,
5. $\mathrm d w_h$.

You need no value of $\tanh$: its slope follows from its value.
"""

STUB = """
import math

loss = ...
du_2 = [..., ..., ...]
da_2 = ...
da_1 = ...
dw_h = ...
"""

HINTS = (
    "$\\mathrm d u_t = p_t - \\operatorname{onehot}(y_t)$; "
    "$\\mathrm d a_t = \\mathrm d h_t\\,(1 - h_t^2)$.",
    "Two paths leave $h_1$: one to the logits of step 1, one through $w_h$ to step 2. "
    "$\\mathrm d h_1$ is the sum of what comes back on both.",
    "$w_h$ was used twice. At step 1 it multiplied $h_0$, at step 2 it multiplied $h_1$.",
)

SOLUTION = """
import math

h0, h1, h2 = 1 / 4, 1 / 2, -1 / 2
w_h, w_y = 2, (math.log(2), 0, -math.log(2))

loss = -math.log(1 / 4) - math.log(1 / 4)
du_1 = [1 / 2, 1 / 4 - 1, 1 / 4]
du_2 = [1 / 4 - 1, 1 / 4, 1 / 2]

dh_2 = sum(d * w for d, w in zip(du_2, w_y, strict=True))
da_2 = dh_2 * (1 - h2**2)
dh_1 = sum(d * w for d, w in zip(du_1, w_y, strict=True)) + da_2 * w_h
da_1 = dh_1 * (1 - h1**2)
dw_h = h0 * da_1 + h1 * da_2
"""

COMMENT = r"""
Both words had the probability $\tfrac14$, so $L = 2 \log 4 = 2.773$. Write $\ell = \log 2$. From
the end to the beginning:

$$
\begin{aligned}
\mathrm d u_2 &= (-\tfrac34,\ \tfrac14,\ \tfrac12) \\
\mathrm d h_2 &= -\tfrac34 \ell - \tfrac12 \ell = -\tfrac54 \ell \\
\mathrm d a_2 &= -\tfrac54 \ell \cdot (1 - \tfrac14) \\
&= -\tfrac{15}{16} \ell \approx -0.650 \\[1ex]
\mathrm d u_1 &= (\tfrac12,\ -\tfrac34,\ \tfrac14) \\
\mathrm d h_1 &= \tfrac14 \ell + 2 \cdot (-\tfrac{15}{16} \ell) \\
&= -\tfrac{13}{8} \ell \\
\mathrm d a_1 &= -\tfrac{13}{8} \ell \cdot (1 - \tfrac14) \\
&= -\tfrac{39}{32} \ell \approx -0.845 \\[1ex]
\mathrm d w_h &= \tfrac14 \cdot (-\tfrac{39}{32} \ell) \\
&\quad + \tfrac12 \cdot (-\tfrac{15}{16} \ell) \\
&= -\tfrac{99}{128} \ell \approx -0.536 .
\end{aligned}
$$

Step 1's own loss wants $h_1$ smaller ($+\tfrac14 \ell$); the loss of step 2 wants it larger, and
its say, carried back through $w_h = 2$, is seven and a half times as strong. Leave out the way
through time, as a truncation to each output's own step does, and $\mathrm d a_1$ is
$+\tfrac{3}{16} \ell$: the row of $W_x$ that was read at step 1 is moved in the wrong direction.
Had $h_0$ been zero, $\mathrm d w_h$ would not show whether step 1 was counted at all; that is why
a check of gradients starts from a state that is not zero.
"""


def check(answers):
    """The chain from the loss to w_h, one link at a time."""
    log2 = np.log(2)
    loss = number(answers, "loss")
    if is_close(loss, np.log(4), 2e-3):
        raise Wrong(
            "1 is the mean loss, or one step's; the sum over both steps is asked."
        )
    if is_close(loss, 4.0, 2e-3):
        raise Wrong("1 is in bits; take the natural logarithm.")
    close(
        loss,
        2 * np.log(4),
        "1: each step costs minus the log of what y_t was given.",
        2e-3,
    )

    found = answers.get("du_2")
    if found is None or any(
        entry is ... for entry in np.ravel(np.array(found, dtype=object))
    ):
        raise Wrong("Set `du_2` to a list of three numbers.")
    du = array(found, (3,), "du_2")
    if is_close(du, [0.75, -0.25, -0.5], 2e-3):
        raise Wrong(
            "2 has the wrong sign: what the model said, less what it should have said."
        )
    if is_close(du, [0.25, 0.25, 0.5], 2e-3) or is_close(du, [1.25, 0.25, 0.5], 2e-3):
        raise Wrong(
            "2: the word that came has its 1 taken off; that is where the loss enters."
        )
    if is_close(du, [-4.0, 0.0, 0.0], 2e-3):
        raise Wrong(
            "2 is the gradient at the probabilities; the softmax is still to be crossed."
        )
    if is_close(du, [0.25, -0.75, 0.5], 2e-3):
        raise Wrong("2: words are numbered from 0, so y_2 = 0 is the first entry.")
    close(du, [-0.75, 0.25, 0.5], "2: du_2 is p_2 - onehot(y_2).", 2e-3)

    da_2 = number(answers, "da_2")
    if is_close(da_2, -1.25 * log2, 2e-3):
        raise Wrong(
            "3 is dh_2; the slope of tanh at step 2, from the value h_2, is missing."
        )
    if is_close(da_2, -1.25 * log2 * 1.5, 2e-3):
        raise Wrong("3: the slope of tanh is 1 - h², with the square.")
    if is_close(da_2, -1.25 * log2 * (1 - np.tanh(0.5) ** 2), 2e-3):
        raise Wrong(
            "3: h_2 is already the value of tanh; it is not to be put into tanh again."
        )
    close(
        da_2, -15 / 16 * log2, "3: take du_2 back through W_y, then through tanh.", 2e-3
    )

    da_1 = number(answers, "da_1")
    if is_close(da_1, 3 / 16 * log2, 2e-3):
        raise Wrong(
            "4 knows step 1's own loss only. h_1 also went into step 2, through w_h."
        )
    if is_close(da_1, -45 / 32 * log2, 2e-3):
        raise Wrong(
            "4 knows the loss of step 2 only. h_1 also made the logits of step 1."
        )
    if is_close(da_1, (0.25 - 2.5) * 0.75 * log2, 2e-3):
        raise Wrong(
            "4 takes dh_2 back through w_h; what reaches w_h is da_2, behind the tanh."
        )
    if is_close(da_1, -13 / 8 * log2, 2e-3):
        raise Wrong("4 is dh_1; the slope of tanh at step 1 is missing.")
    if is_close(da_1, (0.25 - 15 / 16) * 0.75 * log2, 2e-3):
        raise Wrong(
            "4: on its way from step 2 to step 1 the gradient is multiplied by w_h."
        )
    close(
        da_1,
        -39 / 32 * log2,
        "4: dh_1 is the sum over both paths; then through tanh.",
        2e-3,
    )

    dw = number(answers, "dw_h")
    if is_close(dw, -15 / 32 * log2, 2e-3):
        raise Wrong(
            "5 leaves out step 1: there w_h multiplied h_0, which is not zero here."
        )
    if is_close(dw, (0.5 * -39 / 32 + -0.5 * -15 / 16) * log2, 2e-3):
        raise Wrong("5: at step t, w_h multiplied the state *before*, h_{t-1}.")
    if is_close(dw, (-39 / 32 - 15 / 16) * log2, 2e-3):
        raise Wrong(
            "5 is the gradient of the bias; w_h was multiplied by a state at each step."
        )
    if is_close(dw, 0.5 * -99 / 128 * log2, 2e-3):
        raise Wrong(
            "5 is the mean over the steps; the loss is a sum, so the terms are added."
        )
    close(
        dw,
        -99 / 128 * log2,
        "5: add, over both steps, the state before times da.",
        2e-3,
    )
    return "Two uses of one weight, two terms; and the path through time outweighs the direct one."
