"""A local Discord: its REST interface, gateway, faults and a web page, over real sockets."""
