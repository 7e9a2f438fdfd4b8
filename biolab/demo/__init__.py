"""The demo lab: people, a protocol, a finished session with its archive, and one that runs."""
