"""Exercises: attention and memory.

These exercises belong to the chapters on attention and memory. In some of them you predict what a
softmax does, count what attention costs, or find bugs that raise no error. In others you derive the
gradient of attention, read a memory several times, move the head of a memory, or set the weights of
a network that reverses a sequence. The fifth post {cite:p}`britz2016part5` has neither code nor
formulas, so the problems are based on the papers and the chapters.
"""
