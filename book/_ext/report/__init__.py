"""The tables of the page "How this book is checked"."""
