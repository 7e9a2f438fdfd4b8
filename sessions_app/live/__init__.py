"""What a session's sockets are made of: frames, mailboxes, feeds, presence."""
