"""Figures, computation graphs and diagrams of cells."""
