"""Exercises: what recurrent networks are.

The problems of the first post {cite:p}`britz2015part1` and of the chapters that carry it out. Most
of them want thought rather than training: what a state can keep, what a graph allows, and weights
that are found without learning.
"""
