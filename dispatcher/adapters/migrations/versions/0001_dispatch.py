"""Recommendations and executions in the original's shape where they are missing, and our own claims and leases."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
oldest_image = "0001"


def upgrade() -> None:
    """Run the SQL beside this file."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
