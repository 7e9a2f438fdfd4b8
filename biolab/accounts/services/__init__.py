"""What changes people, teams and credentials."""
