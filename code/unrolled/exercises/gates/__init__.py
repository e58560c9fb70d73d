"""Exercises: gates.

These exercises belong to the chapters on LSTM and GRU. You compute what a forget bias does, set
weights by hand, derive the gradient of a new cell, find mistakes that raise no error, move weights
from other programs, and let the output read layer 1 alone.
"""
