"""The way from each released schema to the next, for alembic. `migrate` runs it."""
