"""What happens by itself, and when; APScheduler is only the alarm clock."""
