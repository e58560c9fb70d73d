"""The same training in several frameworks, and Theano 1.0.5 itself."""
