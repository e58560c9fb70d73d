"""Exercises: recurrent networks today.

These exercises belong to Part 8. You choose the factors of linear recurrences so that they remember
different things, and correct a scan and its gradient. You write to matrix states by the delta rule
and train a state while it reads. You also find out which networks can follow a state.
"""
