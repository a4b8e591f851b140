"""What became of issues, for people: numbers gathered, drawn, and set as pages and tables."""
