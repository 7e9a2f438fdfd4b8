"""Credentials: who asks, by REST or socket, and whether that still holds."""

from biolab.accounts.auth.identity import Identity, identify
from biolab.accounts.auth.rest import JWTAuth, OpenBenchAuth, ServiceTokenAuth, SessionAuth
from biolab.accounts.auth.sockets import authenticate_scope, bearer_protocol, is_known_origin

__all__ = [
    "Identity",
    "JWTAuth",
    "OpenBenchAuth",
    "ServiceTokenAuth",
    "SessionAuth",
    "authenticate_scope",
    "bearer_protocol",
    "identify",
    "is_known_origin",
]
