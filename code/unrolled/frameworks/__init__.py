"""The same networks in Theano, TensorFlow, PyTorch, JAX and Triton."""
