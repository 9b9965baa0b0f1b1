"""The first form: API keys, jobs, replies, deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables. Written out, because later versions of `tables` must not change what this step does."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16)),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("scopes", sa.String(200), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double),
        sa.Column("revoked", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32)),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("file", sa.String(80), nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("problem", sa.Text),
        sa.Column("audio", sa.String(80)),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("queued", sa.Double, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("finished", sa.Double),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("holder", sa.String(32)),
        sa.Column("lease", sa.Double),
        sa.Column("webhook", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state_queued", "jobs", ["state", "queued"])
    op.create_index("ix_jobs_owner", "jobs", ["owner"])
    op.create_table(
        "replies",
        sa.Column("owner", sa.String(64)),
        sa.Column("key", sa.String(255)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.Text),
        sa.Column("location", sa.String(200)),
        sa.Column("created", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_replies"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(32)),
        sa.Column("job", sa.String(32), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_deliveries_job_jobs", ondelete="CASCADE"),
    )
    op.create_index("ix_deliveries_state_due", "deliveries", ["state", "due"])
