"""what is doubtful about a dossier."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('dossier', sa.Column('doubts', sa.Text(), server_default='', nullable=False))
