"""Discord: client, events, commands, the delivery of replies, and the program's command line."""
