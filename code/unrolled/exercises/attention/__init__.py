"""Exercises: attention and memory.

The fifth post {cite:p}`britz2016part5` has neither code nor formulas, so the problems here come
from the papers and from the chapters of this part: what a softmax sees and what it does not, bugs
that run without complaint, the gradient by hand, what looking at everything costs, a memory that is
read more than once and one with a head that moves, and weights for a network that reverses a
sequence, set by hand.
"""
