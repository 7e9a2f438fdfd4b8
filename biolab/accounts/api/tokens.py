"""Service tokens of the person who asks; administrators see everyone's."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api import forms
from biolab.accounts.api.shapes import token_shape
from biolab.accounts.selectors import teams_of, tokens_of
from biolab.accounts.services import tokens
from biolab.kernel.api import Door
from biolab.kernel.api.paging import NUMBERED
from biolab.kernel.ids import find

TAGS = ["tokens"]


class TokensDoor(Door):
    """A person's service tokens, and making one."""

    own_affairs: ClassVar[bool] = True
    secret_answer: ClassVar[bool] = True

    @extend_schema(
        operation_id="tokens_list",
        tags=TAGS,
        summary="Service tokens",
        parameters=NUMBERED,
        responses=forms.TokenList,
    )
    def get(self, request: Request) -> Response:
        return self.numbered(tokens_of(self.person), token_shape)

    @extend_schema(tags=TAGS, summary="Make a token", request=forms.TokenForm, responses={201: forms.TokenIssued})
    def post(self, request: Request) -> Response:
        form: dict[str, Any] = self.validated(forms.TokenForm)
        team_id = form.pop("team_id", None)
        team = find(teams_of(self.person), team_id) if team_id else None
        token, secret = tokens.issue_token(owner=self.person, by=self.person, at=self.now, team=team, **form)
        told = {"status": "success", "message": "Token made; it is shown this once.", **token_shape(token)}
        return self.answer({**told, "token": secret}, 201, headers={"Cache-Control": "no-store"})


class TokenDoor(Door):
    """One service token."""

    own_affairs: ClassVar[bool] = True

    @extend_schema(tags=TAGS, summary="One token", responses=forms.TokenAnswer)
    def get(self, request: Request, token_id: str) -> Response:
        return self.answer(token_shape(find(tokens_of(self.person), token_id)))

    @extend_schema(tags=TAGS, summary="Revoke a token", responses={200: forms.Done})
    def delete(self, request: Request, token_id: str) -> Response:
        tokens.revoke_token(token=find(tokens_of(self.person), token_id), by=self.person, at=self.now)
        return self.answer({"status": "success", "message": "Token revoked."})
