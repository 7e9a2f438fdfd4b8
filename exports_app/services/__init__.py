"""What freezes, gates, packs and keeps exports."""
