"""Provider clients behind small protocols."""
