"""The doors of people, teams and credentials."""
