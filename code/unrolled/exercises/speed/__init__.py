"""Exercises: speed and GPUs.

These exercises belong to Part 7. You find out whether a call waits for memory or for arithmetic,
compute a loss and its gradient in one array, and predict what makes a chain of steps faster. Then
you plan a kernel that keeps its weights on the chip, and repair a step on several devices. You do
not need a GPU.
"""
