"""Ways in: each decodes what it is sent into the same columns."""
