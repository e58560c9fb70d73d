"""The same networks in Theano, TensorFlow, JAX and Triton."""
