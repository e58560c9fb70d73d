"""Parameters as plain data: arrays, and (named) tuples of trees.

Parameters, their gradients and an optimizer's memory of them have the same structure, so
"subtract the learning rate times the gradient" is one ``map`` over two trees.
"""

from collections.abc import Callable, Iterator
from typing import Any

from unrolled.arguments import names_arguments

Tree = Any
"""An array, or a tuple or NamedTuple of trees."""


@names_arguments
def map(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """Applies ``function`` leaf by leaf to trees of one structure.

    Args:
        function: takes one leaf of each tree.
        tree: the tree whose structure the result has.
        *others: more trees of that structure.

    Returns:
        A tree of the results.

    Raises:
        ValueError: two trees differ in structure.
    """
    if not isinstance(tree, tuple):
        if any(isinstance(other, tuple) for other in others):
            raise ValueError("trees differ in structure: a leaf stands against a tuple")
        return function(tree, *others)
    for other in others:
        if not isinstance(other, tuple) or len(other) != len(tree):
            raise ValueError(
                f"trees differ in structure: {_outline(tree)} and {_outline(other)}"
            )
    branches = [map(function, *branch) for branch in zip(tree, *others, strict=True)]
    return type(tree)(*branches) if hasattr(tree, "_fields") else tuple(branches)


def leaves(tree: Tree) -> list[Any]:
    """Returns the leaves of a tree, first to last."""
    return [leaf for _, leaf in named_leaves(tree)]


def named_leaves(tree: Tree, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yields ``(dotted name, leaf)``, such as ``("cell.W_h", array)``, first to last."""
    if not isinstance(tree, tuple):
        yield name, tree
        return
    fields = getattr(tree, "_fields", range(len(tree)))
    for field, branch in zip(fields, tree, strict=True):
        yield from named_leaves(branch, f"{name}.{field}" if name else str(field))


def replace_leaves(tree: Tree, new_leaves: list[Any]) -> Tree:
    """Returns a tree of the same structure with other leaves, in the order of ``leaves``."""
    if len(new_leaves) != len(leaves(tree)):
        raise ValueError(
            f"a tree of {len(leaves(tree))} leaves cannot have {len(new_leaves)} others"
        )
    remaining = iter(new_leaves)
    return map(lambda _: next(remaining), tree)


def _outline(tree: Tree) -> str:
    return type(tree).__name__ + str(getattr(tree, "_fields", ""))
