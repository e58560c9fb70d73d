"""Around the cells: embedding, stacking, padding, attention."""
