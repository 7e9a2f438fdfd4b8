"""What the templates of the instruments add to Django's."""
