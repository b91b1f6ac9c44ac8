"""Alembic's entry: runs the migrations on the connection that `upgrade` hands in."""

from alembic import context

from engine.workspace.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
