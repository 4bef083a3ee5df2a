"""Discord's gateway: sessions that outlive their sockets, compression, resume, and faults."""
