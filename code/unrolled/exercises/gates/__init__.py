"""Exercises: gates.

The problems of the fourth post {cite:p}`britz2015part4` and of the chapters on LSTM and GRU: what a
forget bias is worth, weights set by hand, a cell that the book does not have, bugs that cost half
of a memory without a word, weights from other programs, and the question about layer 1 that the
post's readers asked.
"""
