"""A personality in a channel as an actor: one turn at a time, from message to delivered words."""
