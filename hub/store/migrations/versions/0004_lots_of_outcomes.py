"""several outcomes in one record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('timeline', sa.Column('source_item', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.drop_constraint('pk_timeline', 'timeline', type_='primary')
    op.create_primary_key('pk_timeline', 'timeline', ['source_topic', 'source_partition', 'source_offset', 'source_item', 'at'])
