"""Recurrent networks built from nothing: the tested package behind the book *Unrolled*.

Every module can be read on its own; read them in the book's order: ``text``, ``ngram``,
``functional``, ``rnn``, ``language_model``, ``gradcheck``, ``optimizers``, ``train``.
One key of dimensions serves them all: T time, B batch, D input, H hidden, V vocabulary,
S source length; time is axis 0.
"""
