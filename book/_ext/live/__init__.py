"""Code that runs in the page, and the exercises."""
