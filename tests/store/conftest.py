"""What the store's tests share."""

from __future__ import annotations

import pytest

from hub.store import Store
from hub.store.held import PostgresHeldStore


@pytest.fixture
def held(store: Store) -> PostgresHeldStore:
    """The delivery engine's view of the test's database."""
    return PostgresHeldStore(store)
