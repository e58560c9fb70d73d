"""Gradients checked, derived in other ways, followed through time."""
