"""Argon2 with the smallest cost, so that tests hash thousands of passwords in seconds."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """The same algorithm as production's, at test cost."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
