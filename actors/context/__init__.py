"""From the window of a channel to the input of a model: one plan, a budget, two renderers."""
