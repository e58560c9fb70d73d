"""One step of a recurrent network, and its gradient."""
