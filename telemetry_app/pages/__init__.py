"""Pages of the instruments: channels, one channel in one session, imports, and tokens for what sends readings."""
