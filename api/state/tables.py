"""Tables of the service: API keys, jobs, answers to repeated requests, deliveries. Times are seconds since 1970."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("owner", String(64), nullable=False),
    # SHA-256 of a secret with 256 random bits: nothing that a slow hash would have to protect.
    Column("digest", String(64), nullable=False),
    Column("scopes", String(200), nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double),
    Column("revoked", Double),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("task", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("file", String(80), nullable=False),
    Column("answer", Text),
    Column("problem", Text),
    Column("audio", String(80)),
    Column("created", Double, nullable=False),
    Column("queued", Double, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("attempts", Integer, nullable=False),
    Column("holder", String(32)),
    Column("lease", Double),
    Column("webhook", Text),
    Index("ix_jobs_state_queued", "state", "queued"),
    Index("ix_jobs_owner", "owner"),
)

replies = Table(
    "replies",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("status", Integer),
    Column("body", Text),
    Column("location", String(200)),
    Column("created", Double, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("url", Text, nullable=False),
    Column("key", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("due", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Index("ix_deliveries_state_due", "state", "due"),
)
