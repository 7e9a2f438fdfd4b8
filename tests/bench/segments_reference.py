"""The reference of ingest-equal: FastAPI and asyncpg with BioLab's own decoding, packing and tables behind them."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import asyncpg
import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Request

from telemetry_app.ingest.batch import decode_batch
from telemetry_app.stores.packing import pack_runs

KEY = os.environ["REFERENCE_KEY"]
INSERT = (
    "INSERT INTO segments (session_id, batch_id, received_at, first_at, last_at, count, channels, columns)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING position"
)
RAISE = (
    "INSERT INTO latest AS l (session_id, position, channel, at, value)"
    " SELECT $1, $2, u.* FROM unnest($3::text[], $4::bigint[], $5::float8[]) AS u"
    " ON CONFLICT (session_id, channel) DO UPDATE SET at = excluded.at, value = excluded.value,"
    " position = excluded.position WHERE (excluded.at, excluded.position) > (l.at, l.position)"
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = await asyncpg.create_pool(os.environ["REFERENCE_DATABASE_URL"], min_size=8, max_size=8)
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)


def person(authorization: Annotated[str, Header()]) -> str:
    try:
        return str(jwt.decode(authorization.removeprefix("Bearer "), KEY, algorithms=["HS256"])["sub"])
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy"}


@app.post("/api/sessions/{sid}/telemetry/batch")
async def ingest(sid: str, request: Request, _person: Annotated[str, Depends(person)]) -> dict[str, object]:
    batch = decode_batch(await request.body(), received_us=time.time_ns() // 1000)
    newest = batch.starts[1:] - 1
    ends = batch.times[newest].tolist(), batch.values[newest].tolist()
    batch_id, count = batch.digest(), int(batch.times.size)
    first, last = int(batch.times.min()), int(batch.times.max())
    names = list(batch.names)
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        head = sid, batch_id, datetime.now(UTC), first, last, count, names
        position = await connection.fetchval(INSERT, *head, pack_runs(batch.starts, batch.times, batch.values))
        if position is not None:
            await connection.execute(RAISE, sid, position, names, *ends)
    return {"created": count if position is not None else 0, "batch_id": batch_id}
