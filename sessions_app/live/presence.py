"""Who is at a session's sockets, over all server processes: each hub tells the others, nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

STALE_AFTER_S: Final = 40.0
REPEAT_EVERY_S: Final = 15.0


class Presence:
    """The people of one session, by hub; what other hubs said fades unless they repeat it."""

    def __init__(self, hub_id: str, *, clock: Callable[[], float]) -> None:
        self.hub_id = hub_id
        self._clock = clock
        self._here: dict[str, str] = {}
        self._elsewhere: dict[str, tuple[float, dict[str, str]]] = {}
        self._said_at = 0.0

    def set_here(self, people: Iterable[tuple[str, str]]) -> bool:
        """Note who is at this hub's sockets, as (id, name); tell whether that changed."""
        here = dict(people)
        changed, self._here = here != self._here, here
        return changed

    def announcement(self) -> dict[str, Any]:
        """Return what the other hubs are told."""
        self._said_at = self._clock()
        return {"hub": self.hub_id, "people": self._here}

    def is_due(self) -> bool:
        """Tell whether the others must hear of this hub again, lest they think it gone."""
        return self._clock() - self._said_at >= REPEAT_EVERY_S

    def heard(self, said: Mapping[str, Any]) -> None:
        """Take in what a hub announced."""
        if said["hub"] == self.hub_id:
            return
        if said["people"]:
            self._elsewhere[said["hub"]] = (self._clock(), dict(said["people"]))
        else:
            self._elsewhere.pop(said["hub"], None)

    def people(self) -> list[dict[str, str]]:
        """Return everyone as {id, name}, by name."""
        now = self._clock()
        self._elsewhere = {hub: told for hub, told in self._elsewhere.items() if now - told[0] < STALE_AFTER_S}
        everyone = dict(self._here)
        for _, people in self._elsewhere.values():
            everyone.update(people)
        return [
            {"id": key, "name": name} for key, name in sorted(everyone.items(), key=lambda item: (item[1], item[0]))
        ]
