"""Exercises: recurrent networks in TensorFlow.

The six topics of the sixth post {cite:p}`britz2016part6`, as problems: what a sequence costs in a
file, what padding costs in a batch and how little it need cost, where a sequence ends, masks that
are lost on the way, two directions, cells that are one, a loss by the word, and weights from before
Keras 3. Most of them need nothing but NumPy. Three are about Keras itself; these cannot run in the
page and want Binder or a Jupyter of your own.
"""
