"""Titles, citation, licences, links, scores, the search index."""
