"""The web page of the local Discord: a small chat client for people who want to meet the characters."""
