"""Pages executed when what they reach has changed."""
