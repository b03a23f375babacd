"""What time the log's database thinks it is."""

from sqlalchemy import func, select

from routec.signin.database import Database


def clock_of(url: str) -> float | None:
    """The database's clock, in seconds since 1970; None for SQLite, whose clock is ours, and where there is no log yet.

    Raises `LogError`.
    """
    database = Database(url)
    if database.is_sqlite:
        return None
    try:
        for row in database.read(select(func.extract("epoch", func.clock_timestamp()))):
            return float(row[0])
        return None
    finally:
        database.close()
