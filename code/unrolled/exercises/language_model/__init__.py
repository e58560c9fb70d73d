"""Exercises: a language model from nothing.

Problems on the chapters of Part 2: a gradient by hand, a gradient check, famous bugs, and a model
that you can train yourself.
"""
