"""The sockets of controllers and of whoever watches their readings."""
