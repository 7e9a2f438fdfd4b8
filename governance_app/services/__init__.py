"""What changes templates and ladders."""
