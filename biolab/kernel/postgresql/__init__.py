"""Django's PostgreSQL backend, with connections that are looked at, not asked, before they are used again."""
