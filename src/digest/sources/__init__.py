"""Sites that are followed: what they publish is proposed, and an editor decides on it."""
