"""Language models, sequence to sequence, networks with a memory."""
