"""Exercises: backpropagation through time.

These exercises belong to Part 3. You derive gradients, write a backward pass, compute a gradient
without one, find out how programs truncate, work out bounds, and train a network to remember a bit.
The third post {cite:p}`britz2015part3` also suggests that its readers derive a gradient themselves.
"""
