"""The reference of ingest-embedded: FastAPI and pydantic that keep the rows in a list and write nothing down."""

from datetime import datetime

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Reading(BaseModel):
    timestamp: datetime
    channel: str
    value: float


class Batch(BaseModel):
    data: list[Reading]


kept: dict[str, list[Reading]] = {}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy"}


@app.post("/api/sessions/{sid}/telemetry/batch")
async def ingest(sid: str, batch: Batch) -> dict[str, int]:
    kept.setdefault(sid, []).extend(batch.data)
    return {"created": len(batch.data)}
