"""Who may speak now: pure decisions over text and transcript, with injected randomness."""
