"""Exercises: recurrent networks today.

These exercises belong to Part 8. You choose the factors of linear recurrences so that they remember
different things, mend a scan and its gradient, and find out which networks can follow a state.
"""
