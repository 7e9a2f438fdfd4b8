"""What signatures, reviews and waivers are bound to, and whether they still hold."""
