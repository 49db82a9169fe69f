"""What the hub keeps in PostgreSQL; the only importer of SQLAlchemy and psycopg."""

from hub.store.database import Store

__all__ = ["Store"]
