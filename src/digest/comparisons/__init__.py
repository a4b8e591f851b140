"""What the panel published about tools."""
