"""The starter company: three characters of our own, there from the first run."""
