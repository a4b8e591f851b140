"""How a mailing leaves, and what comes back."""
