"""Exercises: backpropagation through time.

The problems of the third post {cite:p}`britz2015part3`, which asks its readers to derive the
gradients themselves, and of the chapters on what becomes of these gradients: bounds to work out,
a backward pass to write, a forward one, programs that truncate without saying how, and a bit to be
remembered for thirty steps.
"""
