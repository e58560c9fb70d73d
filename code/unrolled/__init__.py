"""Recurrent networks built from nothing: the tested package behind the book *Unrolled*.

The rooms, from the top. Each imports from the floors below its own, and nothing else of ours:

    exercises    The exercises, each with stub, hints, check and solution.

    frameworks   The same networks in Theano, TensorFlow, PyTorch, JAX and Triton.
    webgpu       Kernels in WGSL for every GPU, checked against NumPy in float64.
    speed        What a step costs, and how it is made faster.

    models       Language models, sequence to sequence, networks with a memory.
    gradients    Gradients checked, derived in other ways, followed through time.

    data         What networks learn from: text in padded batches, tasks, stories.
    cells        One step of a recurrent network, and its gradient.
    training     Optimizers, the training loop, checkpoints.
    drawing      Figures, computation graphs and diagrams of cells.

    layers       Around and under the cells: embedding, stacking, attention, scans.

    functional   Functions without memory, each directly above its own backward.
    tree         Parameters as plain data: arrays, and (named) tuples of trees.
    records      Numbers measured once, with all that is needed to repeat them.

    min_rnn      A recurrent network that reads a book and learns to write, in one program.
    arguments    What a function says when its arguments do not fit together.
    files        Files that are written whole or not at all.
    dependencies What a recorded result rests on, statement by statement.
    installed    The versions of the installed packages, and the extras that bring them.

One key of dimensions serves them all: T time, B batch, D input, H hidden, V vocabulary,
S source length; time is axis 0.
"""
