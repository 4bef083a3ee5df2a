"""From model output to visible text."""
