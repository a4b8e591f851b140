"""Tables of the API: its tokens, and the answers kept for a repeated request."""
