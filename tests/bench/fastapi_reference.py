"""The reference of ingest-http: FastAPI, pydantic and SQLAlchemy core on the same PostgreSQL, one row per reading."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import Column, DateTime, Float, MetaData, String, Table, insert
from sqlalchemy.ext.asyncio import create_async_engine

KEY = os.environ["REFERENCE_KEY"]
engine = create_async_engine(
    os.environ["REFERENCE_DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:"), pool_size=8
)
metadata = MetaData()
readings = Table(
    "reference_readings",
    metadata,
    Column("session_id", String(40), primary_key=True),
    Column("channel", String(64), primary_key=True),
    Column("timestamp", DateTime(timezone=True), primary_key=True),
    Column("value", Float, nullable=False),
)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


class Reading(BaseModel):
    timestamp: datetime
    channel: str
    value: float


class Batch(BaseModel):
    data: list[Reading]


def person(authorization: Annotated[str, Header()]) -> str:
    try:
        return str(jwt.decode(authorization.removeprefix("Bearer "), KEY, algorithms=["HS256"])["sub"])
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy"}


@app.post("/api/sessions/{sid}/telemetry/batch")
async def ingest(sid: str, batch: Batch, _person: Annotated[str, Depends(person)]) -> dict[str, int]:
    rows = [{"session_id": sid, **reading.model_dump()} for reading in batch.data]
    async with engine.begin() as connection:
        await connection.execute(insert(readings), rows)
    return {"created": len(rows)}
