"""Optimizers, the training loop, checkpoints."""
