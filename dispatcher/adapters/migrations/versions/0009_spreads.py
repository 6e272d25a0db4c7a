"""Spreads of ours that were filled are found without looking at every claim, and positions by their contract."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL beside this file."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
