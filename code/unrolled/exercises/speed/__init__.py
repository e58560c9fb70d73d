"""Exercises: speed and GPUs.

The second post {cite:p}`britz2015part2` ends with three times for a step. The problems here are
about where such times come from: which calls wait for memory and which for arithmetic, a loss and
its gradient in one array, what helps a chain of steps and what does not, a kernel that keeps its
weights on the chip, and a step on several devices that is not the step of one. No GPU is needed.
"""
