"""Which tests executed what; records, mutants, the last run."""
