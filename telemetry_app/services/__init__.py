"""What changes instruments and their readings."""
