"""What the hub keeps in PostgreSQL; the only importer of SQLAlchemy and psycopg."""

from hub.store.database import Store
from hub.store.migration import migrate

__all__ = ["Store", "migrate"]
