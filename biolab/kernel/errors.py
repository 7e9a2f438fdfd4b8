"""Refusals: a rule said no. Readable, actionable, never a bug."""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """A rule that said no, with the sentence a person reads and the facts a client acts on.

    Only ``kernel.api`` turns a refusal into an HTTP status.
    """

    kind: ClassVar[str] = "refused"
    default_code: ClassVar[str] = "refused"

    def __init__(self, sentence: str, *, code: str | None = None, **facts: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or self.default_code
        self.facts: dict[str, Any] = facts

    def __str__(self) -> str:
        return self.sentence


class Unauthenticated(Refusal):
    """Nobody we know is asking."""

    kind = "unauthenticated"
    default_code = "unauthenticated"


class Forbidden(Refusal):
    """The person may see it and may not do this."""

    kind = "forbidden"
    default_code = "forbidden"


class Missing(Refusal):
    """It does not exist, or not for this person."""

    kind = "missing"
    default_code = "not_found"


class Conflict(Refusal):
    """The state of things does not allow it now."""

    kind = "conflict"
    default_code = "conflict"


class Gone(Refusal):
    """It was here and has been taken away on purpose."""

    kind = "gone"
    default_code = "gone"


class Stale(Refusal):
    """Somebody changed it since the caller read it."""

    kind = "stale"
    default_code = "precondition_failed"


class TooLarge(Refusal):
    """More than a stated bound allows."""

    kind = "too_large"
    default_code = "too_large"


class Unsupported(Refusal):
    """A media type this door does not read."""

    kind = "unsupported"
    default_code = "unsupported_media_type"


class Invalid(Refusal):
    """Well formed and wrong.

    Args:
        errors: one mapping for each thing that is wrong: ``pointer`` (RFC 6901) and ``detail``.
    """

    kind = "invalid"
    default_code = "invalid"

    def __init__(
        self, sentence: str, *, code: str | None = None, errors: list[dict[str, Any]] | None = None, **facts: Any
    ) -> None:
        if errors is not None:
            facts["errors"] = errors
        super().__init__(sentence, code=code, **facts)


class TooMany(Refusal):
    """Too often; ``retry_after_s`` says when again."""

    kind = "too_many"
    default_code = "too_many_requests"

    def __init__(self, sentence: str, *, retry_after_s: int, code: str | None = None, **facts: Any) -> None:
        super().__init__(sentence, code=code, **facts)
        self.retry_after_s = retry_after_s


class Unreachable(Refusal):
    """Something behind us did not answer as it should."""

    kind = "unreachable"
    default_code = "upstream_unreachable"


class Unavailable(Refusal):
    """Something we need is down; worth trying again."""

    kind = "unavailable"
    default_code = "unavailable"

    def __init__(self, sentence: str, *, retry_after_s: int = 5, code: str | None = None, **facts: Any) -> None:
        super().__init__(sentence, code=code, **facts)
        self.retry_after_s = retry_after_s
