"""Turns AI tool comparisons into newsletters, sends them, and follows what became of them."""
