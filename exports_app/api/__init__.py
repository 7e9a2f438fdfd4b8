"""The doors of exports, their ladders and their archives."""
