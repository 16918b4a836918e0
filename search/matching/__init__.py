"""Matching: candidates from the index, then evidence for each of them."""
