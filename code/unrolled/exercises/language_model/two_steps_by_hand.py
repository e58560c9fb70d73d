"""The gradient of W_h over two steps, with pencil and paper."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, close, is_close, number

TITLE = "Two steps by hand"
CHAPTER = "02-language-model/the-gradient"
KIND = "derive"
LEVEL = 2
MINUTES = 25

TEXT = r"""
A network with one hidden unit and three words has read two words. The forward pass is done:

| | state | probabilities | the word that came |
|---|---|---|---|
| before | $h_0 = \tfrac14$ | | |
| step 1 | $h_1 = \tfrac12$ | $p_1 = (\tfrac12, \tfrac14, \tfrac14)$ | $y_1 = 1$ |
| step 2 | $h_2 = -\tfrac12$ | $p_2 = (\tfrac14, \tfrac14, \tfrac12)$ | $y_2 = 0$ |

The words are numbered from 0. The initial state $h_0$ comes from an earlier piece of text and is
not zero. The backward pass needs the weights $w_h = 2$ and $W_y = (\log 2,\ 0,\ -\log 2)$. The
loss is the *sum* $L = L_1 + L_2$. With pencil and paper, compute

1. $L$,
2. $\mathrm d u_2$, the gradient at the three logits of step 2,
3. $\mathrm d a_2$, the gradient at the pre-activation of step 2,
4. $\mathrm d a_1$, the gradient at the pre-activation of step 1,
5. $\mathrm d w_h$.

You need not compute any $\tanh$: its slope follows from its value.
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
    "$\\mathrm d u_t = p_t - \\operatorname{onehot}(y_t)$, and "
    "$\\mathrm d a_t = \\mathrm d h_t\\,(1 - h_t^2)$.",
    "Two paths leave $h_1$: one to the logits of step 1, and one through $w_h$ to step 2. "
    "$\\mathrm d h_1$ is the sum of the gradients that come back along both.",
    "The weight $w_h$ is used twice. At step 1 it multiplies $h_0$, and at step 2 it multiplies "
    "$h_1$.",
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

The loss of step 1 would become smaller if $h_1$ became smaller ($+\tfrac14 \ell$). The loss of step
2 would become smaller if $h_1$ became larger, and its gradient, carried back through $w_h = 2$, is
seven and a half times as large. Suppose that you leave out the path through time. Then
$\mathrm d a_1$ is $+\tfrac{3}{16} \ell$, and the row of $W_x$ that was read at step 1 moves in the
wrong direction.

If $h_0$ were zero, $\mathrm d w_h$ would be the same with and without step 1. This is why a
gradient check should start from a state that is not zero.
"""


def check(answers):
    """The chain from the loss to w_h, one link at a time."""
    log2 = np.log(2)
    loss = number(answers, "loss")
    if is_close(loss, np.log(4), 2e-3):
        raise Wrong(
            "1 is the mean loss, or the loss of one step. The question asks for the sum."
        )
    if is_close(loss, 4.0, 2e-3):
        raise Wrong("1 is in bits. Use the natural logarithm.")
    close(
        loss,
        2 * np.log(4),
        "1: the loss of a step is minus the log of the probability of y_t.",
        2e-3,
    )

    found = answers.get("du_2")
    if found is None or any(
        entry is ... for entry in np.ravel(np.array(found, dtype=object))
    ):
        raise Wrong("Set `du_2` to a list of three numbers.")
    du = array(found, (3,), "du_2")
    if is_close(du, [0.75, -0.25, -0.5], 2e-3):
        raise Wrong("2 has the wrong sign: it is p minus onehot, not onehot minus p.")
    if is_close(du, [0.25, 0.25, 0.5], 2e-3) or is_close(du, [1.25, 0.25, 0.5], 2e-3):
        raise Wrong("2: subtract 1 at the word that came, and only there.")
    if is_close(du, [-4.0, 0.0, 0.0], 2e-3):
        raise Wrong(
            "2 is the gradient at the probabilities. It has yet to go through the softmax."
        )
    if is_close(du, [0.25, -0.75, 0.5], 2e-3):
        raise Wrong("2: words are numbered from 0, so y_2 = 0 is the first entry.")
    close(du, [-0.75, 0.25, 0.5], "2: du_2 is p_2 - onehot(y_2).", 2e-3)

    da_2 = number(answers, "da_2")
    if is_close(da_2, -1.25 * log2, 2e-3):
        raise Wrong(
            "3 is dh_2. It lacks the slope of tanh at step 2, which follows from h_2."
        )
    if is_close(da_2, -1.25 * log2 * 1.5, 2e-3):
        raise Wrong("3: the slope of tanh is 1 - h², with the square.")
    if is_close(da_2, -1.25 * log2 * (1 - np.tanh(0.5) ** 2), 2e-3):
        raise Wrong("3: h_2 is already the value of tanh. Do not apply tanh again.")
    close(
        da_2, -15 / 16 * log2, "3: take du_2 back through W_y, then through tanh.", 2e-3
    )

    da_1 = number(answers, "da_1")
    if is_close(da_1, 3 / 16 * log2, 2e-3):
        raise Wrong(
            "4 contains only the loss of step 1. h_1 also enters step 2, through w_h."
        )
    if is_close(da_1, -45 / 32 * log2, 2e-3):
        raise Wrong(
            "4 contains only the loss of step 2. h_1 also enters the logits of step 1."
        )
    if is_close(da_1, (0.25 - 2.5) * 0.75 * log2, 2e-3):
        raise Wrong(
            "4 carries dh_2 back through w_h. It should carry da_2, after the tanh."
        )
    if is_close(da_1, -13 / 8 * log2, 2e-3):
        raise Wrong("4 is dh_1. It lacks the slope of tanh at step 1.")
    if is_close(da_1, (0.25 - 15 / 16) * 0.75 * log2, 2e-3):
        raise Wrong("4: from step 2 to step 1, the gradient is multiplied by w_h.")
    close(
        da_1,
        -39 / 32 * log2,
        "4: dh_1 is the sum over both paths. Then multiply by the slope of tanh.",
        2e-3,
    )

    dw = number(answers, "dw_h")
    if is_close(dw, -15 / 32 * log2, 2e-3):
        raise Wrong(
            "5 leaves out step 1, where w_h multiplies h_0. Here h_0 is not zero."
        )
    if is_close(dw, (0.5 * -39 / 32 + -0.5 * -15 / 16) * log2, 2e-3):
        raise Wrong("5: at step t, w_h multiplies the state *before*, h_{t-1}.")
    if is_close(dw, (-39 / 32 - 15 / 16) * log2, 2e-3):
        raise Wrong(
            "5 is the gradient of the bias. At each step, w_h multiplies a state."
        )
    if is_close(dw, 0.5 * -99 / 128 * log2, 2e-3):
        raise Wrong(
            "5 is the mean over the steps. The loss is a sum, so add the terms."
        )
    close(
        dw,
        -99 / 128 * log2,
        "5: add the state before the step times da, over both steps.",
        2e-3,
    )
    return "Right. The weight is used twice, and each use adds a term to its gradient."
