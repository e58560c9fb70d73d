"""Benchmarks on the processor: ratios measured in one run."""
