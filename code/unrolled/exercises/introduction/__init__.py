"""Exercises: what recurrent networks are.

These are the problems of Part 1. Most of them need thought rather than training. They ask what a
state can keep, what an output can depend on, and how to set weights by hand.
"""
