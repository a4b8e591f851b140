"""Tables of the sites that are followed."""
