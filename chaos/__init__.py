"""Chaos: a whole Troupe whose parts are killed, and the promise that it must keep."""
