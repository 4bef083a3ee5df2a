"""The worker protocol, the workers that speak it, and who hosts them."""
