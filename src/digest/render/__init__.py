"""How mail and pages look."""
