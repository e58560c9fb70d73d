"""One script per recorded result: each writes results/<its name>.json."""
