"""Exercises: recurrent networks in TensorFlow.

These exercises follow the chapters of Part 6. They are about the size of sequences in a file, the
cost of padding, the end of a sequence, and masks that get lost. Others are about networks in two
directions, stacks of cells, the loss per word, and weights from before Keras 3. Most of them need
only NumPy. Three of them need Keras. They do not run in the page, but in Binder or in your own
Jupyter.
"""
