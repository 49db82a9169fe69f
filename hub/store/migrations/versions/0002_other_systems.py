"""facts of aliases, replies of effects, facts said once, cursors of pollers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('alias', sa.Column('facts', postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.add_column('alias', sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False))
    op.create_index(op.f('ix_alias_kind_changed_at'), 'alias', ['kind', 'changed_at'], unique=False)
    op.add_column('effects', sa.Column('reply', postgresql.JSONB(), nullable=True))
    op.create_table('once',
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('natural_key', sa.Text(), nullable=False),
    sa.Column('position', sa.Text(), nullable=False),
    sa.Column('said_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('source', 'natural_key', name=op.f('pk_once'))
    )
    op.create_table('poll_cursor',
    sa.Column('instance', sa.Text(), nullable=False),
    sa.Column('cursor', sa.Text(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('instance', name=op.f('pk_poll_cursor'))
    )
