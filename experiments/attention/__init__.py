"""Attention and memory: dates, a bottleneck, hard attention, stories, a neural Turing machine."""
