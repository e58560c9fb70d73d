"""Exercises: a language model from nothing.

These exercises belong to the chapters of Part 2. You compute a gradient by hand, repair a gradient
check, find famous bugs, and train a model yourself.
"""
