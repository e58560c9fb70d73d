"""What a step costs, and how it is made faster."""
