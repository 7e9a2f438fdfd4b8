"""The shared cache of service mode, which may go away without taking a request with it."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


_INCREMENT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('INCRBY', KEYS[1], ARGV[1]) end
return false
"""


class KeptClient(RedisCacheClient):
    """Keeps the client of each pool; making one costs more than most of what it is asked. Clients are thread-safe."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept: dict[Any, Any] = {}
        self._increment = self.get_client(write=True).register_script(_INCREMENT)

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        pool = self._get_connection_pool(write)  # type: ignore[attr-defined]  # the stubs leave it out
        if pool not in self._kept:
            self._kept[pool] = self._client(connection_pool=pool)  # type: ignore[attr-defined]
        return self._kept[pool]

    def incr(self, key: Any, delta: int = 1) -> int:
        """Add to a counter in one round trip.

        Raises:
            ValueError: there is no such counter.
        """
        counted = self._increment(keys=[key], args=[delta], client=self.get_client(key, write=True))
        if counted is None:
            raise ValueError(f"Key '{key}' not found.")
        return int(counted)


class ForgivingRedis(RedisCache):
    """Redis as Django's cache; while it cannot be reached every read is a miss and every write does nothing.

    Whoever caches a fact that matters keeps it in the database as well, and asks there on a miss.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        params.setdefault("OPTIONS", {})
        params["OPTIONS"].setdefault("socket_connect_timeout", 1)
        params["OPTIONS"].setdefault("socket_timeout", 2)
        super().__init__(server, params)
        self._class = KeptClient

    def _without(self, error: RedisError, answer: Any) -> Any:
        log.warning("cache_unreachable", error=type(error).__name__)
        return answer

    def add(self, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().add(*args, **kwargs))
        except RedisError as error:
            return bool(self._without(error, True))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except RedisError as error:
            return self._without(error, default)

    def set(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().set(*args, **kwargs)
        except RedisError as error:
            self._without(error, None)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().touch(*args, **kwargs))
        except RedisError as error:
            return bool(self._without(error, False))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().delete(*args, **kwargs))
        except RedisError as error:
            return bool(self._without(error, False))

    def get_many(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        try:
            return dict(super().get_many(*args, **kwargs))
        except RedisError as error:
            return dict(self._without(error, {}))

    def set_many(self, *args: Any, **kwargs: Any) -> list[Any]:
        try:
            return list(super().set_many(*args, **kwargs))
        except RedisError as error:
            return list(self._without(error, []))

    def delete_many(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().delete_many(*args, **kwargs)
        except RedisError as error:
            self._without(error, None)

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().has_key(*args, **kwargs))
        except RedisError as error:
            return bool(self._without(error, False))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        try:
            return int(super().incr(key, delta, version))
        except RedisError as error:
            return int(self._without(error, delta))
