"""Measurements: each module runs one bench and returns a `Report`."""
