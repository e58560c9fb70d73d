"""Recurrent networks built from nothing: the tested package behind the book *Unrolled*.

Every module can be read on its own. In the book's order:

Part 1: ``graph``, ``figures``.
Part 2: ``text``, ``ngram``, ``functional``, ``rnn``, ``language_model``, ``gradcheck``,
``optimizers``, ``checkpoint``, ``train``, ``pretrained``.
Part 3: ``tasks``, ``readout``, ``recurrent_weights``, ``irnn``, ``jacobians``, ``chain_rule``,
``forward_mode``, ``recomputation``.
All through: ``tree``, ``files``, ``records``.

One key of dimensions serves them all: T time, B batch, D input, H hidden, V vocabulary,
S source length; time is axis 0.
"""
