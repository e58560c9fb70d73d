"""An SGD step of the language model in PyTorch, the same as ``speed.sgd_step``.

PyTorch runs the loop over time in Python and differentiates what was run, or it compiles the loss,
with the loop written out. The gradient is taken with respect to the rows of W_x that were read.
This book does not install PyTorch, which ``compile_step`` imports.
"""

from unrolled import tree
from unrolled.arguments import check_words, names_arguments
from unrolled.models import language_model


@names_arguments(p=language_model.OVER_RNN)
def compile_step(p, learning_rate, compiled=False):
    """Returns (step, params): as ``keras_step.compile_step``, for batches of any shape.

    Args:
        p: ``language_model.Params`` over ``rnn``: the weights to begin with; they are copied.
        learning_rate: η.
        compiled: whether PyTorch compiles the loss, once for each shape. It needs a compiler of
            C++.

    Raises:
        ImportError: PyTorch is not installed.
    """
    import torch

    now = [torch.tensor(leaf, requires_grad=True) for leaf in tree.leaves(p)]

    def loss(x, targets, W_h, b, W_y, b_y):
        h, states = torch.zeros_like(x[0]), []
        for x_t in x.unbind():
            h = torch.tanh(x_t + h @ W_h + b)
            states.append(h)
        logits = torch.cat(states) @ W_y + b_y
        return torch.nn.functional.cross_entropy(
            logits, targets.reshape(-1), reduction="sum"
        )

    run = torch.compile(loss) if compiled else loss

    def step(inputs, targets):
        check_words(inputs, targets, len(p.b_y))
        W_x, *weights = now
        ids, words = (torch.as_tensor(a).long() for a in (inputs, targets))
        x = W_x.detach()[ids].requires_grad_()
        found = run(x, words, *weights)
        dx, *gradients = torch.autograd.grad(found, [x, *weights])
        with torch.no_grad():
            rows = dx.reshape(-1, dx.shape[-1])
            W_x.index_add_(0, ids.reshape(-1), rows, alpha=-learning_rate)
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(gradient, alpha=learning_rate)
        return float(found.detach())

    def params():
        return tree.replace_leaves(p, [w.detach().numpy().copy() for w in now])

    return step, params
