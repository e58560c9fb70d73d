"""Exercises: recurrent networks in TensorFlow.

These exercises follow the chapters of Part 6. Some are about the size of sequences in a file, the
cost of padding, the end of a sequence, and masks that get lost. Others are about networks in two
directions, stacks of cells, the loss per word, and weights from before Keras 3. Most of the
exercises need only NumPy. Three exercises need Keras. These three do not run in the page, but you
can run them in Binder or in your own Jupyter.
"""
