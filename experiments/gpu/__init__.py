"""How fast GPUs run the book's networks: `make gpu`, or `python3 -m experiments.gpu`.

    python3 -m experiments.gpu                     everything that there are libraries for
    python3 -m experiments.gpu ladder fused_lstm   some kinds of runs
    python3 -m experiments.gpu --minutes 8         begins nothing that would end later
    python3 -m experiments.gpu --rehearse FOLDER   small sizes on the processor; records go there

The kind `webgpu` runs the kernels in WGSL on any adapter that the package wgpu finds, a GPU of any
make or a program for the processor. All other kinds need an NVIDIA GPU.

Needs NumPy, and of CuPy, JAX, PyTorch, Keras, PyTensor, Triton and wgpu whatever is there; what is
not is named. A bare Python will do, with PYTHONPATH=code. Every kind of run is a module here with
PARTS, each a library's, and each part runs in a process of its own: it proves its answers against
NumPy in float64 first, and only then is timed. A part that is done is kept in _build/runs/gpu, and
a kind whose parts are done becomes results/gpu/KIND.json, whole; after an interruption the same
command goes on from there.
"""
