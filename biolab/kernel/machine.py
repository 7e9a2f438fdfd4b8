"""Status machines: a table says which moves are open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from biolab.kernel.errors import Conflict, Missing


class MoveRefused(Conflict):
    """The status does not allow this move."""

    default_code = "move_refused"


@dataclass(frozen=True, init=False)
class Move:
    """A named change of status, from any of ``sources`` to ``target``."""

    name: str
    sources: frozenset[str]
    target: str

    def __init__(self, name: str, *, sources: set[str] | frozenset[str], target: str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "sources", frozenset(str(source) for source in sources))
        object.__setattr__(self, "target", str(target))


@dataclass(frozen=True)
class Machine:
    """The moves of one status field; the only code that assigns it."""

    field: str
    moves: tuple[Move, ...]

    def make(self, move: Move, instance: Any) -> None:
        """Set the status of ``instance`` to the move's target; the caller saves.

        Raises:
            MoveRefused: the present status is none of the move's sources.
        """
        status = str(getattr(instance, self.field))
        if status not in move.sources:
            open_moves = [candidate.name for candidate in self.open_moves(instance)]
            raise MoveRefused(
                f"Cannot {move.name} a {instance._meta.verbose_name} that is {status}.",
                status_now=status,
                open_moves=open_moves,
            )
        setattr(instance, self.field, move.target)

    def open_moves(self, instance: Any) -> tuple[Move, ...]:
        """Return the moves that the present status allows."""
        status = str(getattr(instance, self.field))
        return tuple(move for move in self.moves if status in move.sources)

    def named(self, name: str) -> Move:
        """Return the move called ``name``.

        Raises:
            Missing: the table has no such move.
        """
        for move in self.moves:
            if move.name == name:
                return move
        raise Missing(f"There is no move called {name!r}.")

    def between(self, source: str, target: str) -> Move | None:
        """Return the move that leads from ``source`` to ``target``, if the table has one."""
        return next((move for move in self.moves if source in move.sources and move.target == target), None)
