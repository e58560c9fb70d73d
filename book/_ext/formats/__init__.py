"""The book as notebooks, as one archive, as EPUB, as PDF."""
