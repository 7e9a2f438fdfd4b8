"""Which sign-in a request belongs to: signatures of one such period take fewer components."""

from __future__ import annotations

from typing import Any

from biolab.accounts.models import SignIn


def period_of(request: Any) -> str:
    """Return what names the sign-in of a page's or a door's request; empty where nobody signed in for it.

    Refreshed tokens are of the sign-in they grew from. A browser's session begins anew at each sign-in.
    """
    credential = getattr(request, "auth", None)
    if isinstance(credential, SignIn):
        return credential.public_id
    if credential is not None:
        return ""
    return getattr(getattr(request, "session", None), "session_key", None) or ""
