"""Language models trained, and how far back their gradients and their words reach."""
