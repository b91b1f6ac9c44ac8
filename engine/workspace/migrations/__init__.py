"""Changes of the catalogue's schema, by Alembic. Imported only when a catalogue is older than `HEAD`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the catalogue behind ``engine`` to ``revision`` in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.connect() as connection:
        connection = connection.execution_options(bakeoff_immediate=True)
        with connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
