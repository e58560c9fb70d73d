"""Exercises: a language model from nothing.

The problems of the second post {cite:p}`britz2015part2` and of the chapters that carry it out: the
gradient by hand, the check of the gradient, famous bugs, and a model that you can afford to train.
"""
