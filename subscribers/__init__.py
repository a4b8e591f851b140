"""Who agreed to receive mail, and how they join and leave."""
