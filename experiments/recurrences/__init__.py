"""Recurrent networks of today: what their states keep, recall and follow."""
