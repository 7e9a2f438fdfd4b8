"""What leaves the house: dossiers, archives, decks."""
