"""How words become visible on Discord: webhooks, limits, and messages that grow."""
