"""What goes out, and when."""
