"""People, teams, roles and the credentials they come with."""
