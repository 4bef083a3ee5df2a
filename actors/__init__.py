"""Who acts: channels, personalities, the workers that do slow things, and the runtime below them."""
