"""Exercises: what recurrent networks are.

The problems of Part 1. Most of them need thought rather than training: what a state can keep, what
a graph allows, and how to find weights without learning.
"""
