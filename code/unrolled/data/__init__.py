"""What networks learn from: text in padded batches, tasks, stories."""
