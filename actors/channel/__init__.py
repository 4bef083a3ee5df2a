"""A channel as an actor: its transcript, its company, and who speaks when."""
