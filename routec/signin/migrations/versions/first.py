"""The first released schema. It was never made by alembic: nothing leads to it."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: whatever has this revision has it."""
