"""Service tokens: made once, shown once, revoked at once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from biolab.accounts.auth.identity import SECRET_PREFIX, secret_digest
from biolab.accounts.models import ServiceToken, Team, User
from biolab.accounts.roles import Scope
from biolab.accounts.services.sign_in import tell_sockets
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Forbidden, Invalid


@transaction.atomic
def issue_token(
    *,
    owner: User,
    name: str,
    by: User | None,
    at: datetime,
    scopes: Sequence[str] = (),
    team: Team | None = None,
    session_ids: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> tuple[ServiceToken, str]:
    """Make a token that speaks for ``owner`` and return it with its secret, which is kept nowhere.

    Args:
        scopes: what it may be used for; empty: everything its owner may.
        team, session_ids: the only team, the only sessions (their ids as text) it may see.

    Raises:
        Forbidden: for somebody else, or asked by a token that may itself do less than its owner.
        Invalid: an unknown scope, or an end that has passed.
    """
    if by is not None and by.pk != owner.pk and not by.is_admin:
        raise Forbidden("A token can only be made for oneself.", code="not_your_token")
    _refuse_narrowed(by)
    unknown = sorted(set(scopes) - set(Scope))
    if unknown:
        detail = f"Unknown: {', '.join(unknown)}. Known: {', '.join(Scope)}."
        raise Invalid("A scope is not known.", errors=[{"pointer": "/scopes", "detail": detail}])
    if expires_at is not None and expires_at <= at:
        detail = "The end must lie in the future."
        raise Invalid(detail, errors=[{"pointer": "/expires_at", "detail": detail}])
    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    token = ServiceToken.objects.create(
        name=name,
        owner=owner,
        digest=secret_digest(secret),
        hint=secret[:8],
        scopes=sorted(set(scopes)),
        team=team,
        session_ids=list(session_ids),
        expires_at=expires_at,
        created_at=at,
    )
    security.note(
        "token.issued",
        person=by,
        at=at,
        token_id=token.public_id,
        name=name,
        owner_id=owner.public_id,
        scopes=token.scopes,
        team_id=team.public_id if team is not None else None,
    )
    return token, secret


@transaction.atomic
def revoke_token(*, token: ServiceToken, by: User | None, at: datetime) -> ServiceToken:
    """End a token; open sockets that it opened are closed.

    Raises:
        Forbidden: it is somebody else's and ``by`` is no administrator.
        Conflict: it has ended already.
    """
    if by is not None and by.pk != token.owner_id and not by.is_admin:
        raise Forbidden("This is somebody else's token.", code="not_your_token")
    _refuse_narrowed(by, but=token)
    token = ServiceToken.objects.select_for_update(of=("self",)).select_related("owner", "team").get(pk=token.pk)
    if token.revoked_at is not None:
        raise Conflict("This token has been revoked already.", code="already_revoked")
    token.revoked_at = at
    token.save(update_fields=["revoked_at"])
    tell_sockets(token.owner)
    security.note("token.revoked", person=by, at=at, token_id=token.public_id, name=token.name)
    return token


def _refuse_narrowed(by: User | None, but: ServiceToken | None = None) -> None:
    """A token that may do less than its owner makes and ends no tokens, itself excepted."""
    credential = by.credential if by is not None else None
    if credential is not None and credential.is_narrowed and credential != but:
        raise Forbidden("This token may not manage tokens.", code="narrowed_token")
