"""Kernels in WGSL for every GPU, checked against NumPy in float64.

One file .wgsl holds one kernel, and one module in Python holds what is done with the kernels:

device        The GPU: opened, filled with arrays, told to run a kernel.
product       Matrix products: plain, tiled in workgroup memory, blocked in registers.
recurrence    RNN, LSTM and GRU, forward and backward, all time steps in one dispatch.
output_layer  Logits, softmax, loss and their gradients.
update        A step of gradient descent.
training      A whole training step of a language model, without reading anything back.
scan          A linear recurrence by an associative scan, forward and backward.
"""
