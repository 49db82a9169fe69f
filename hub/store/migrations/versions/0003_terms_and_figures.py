"""deadlines, what the quality index counts, notices, petitions, votes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('dossier', sa.Column('deadline_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('dossier', sa.Column('deadline_calendar', sa.Text(), server_default='', nullable=False))
    op.add_column('dossier', sa.Column('paused_at', sa.DateTime(timezone=True), nullable=True))
    for flag in ('fee_bearing', 'paid_online', 'digitised', 'reused', 'electronic_result'):
        op.add_column('dossier', sa.Column(flag, sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.execute('UPDATE dossier SET deadline_at = due_at')
    op.create_index('ix_dossier_running', 'dossier', ['deadline_at'], unique=False, postgresql_where=sa.text("status IN ('received', 'processing', 'unknown')"))
    op.create_table('sla_notice',
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('said_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('subject', 'kind', 'due_at', name=op.f('pk_sla_notice'))
    )
    op.create_table('petition',
    sa.Column('petition', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('unit', sa.Text(), server_default='', nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('event_topic', sa.Text(), nullable=False),
    sa.Column('event_offset', sa.BigInteger(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('petition', name=op.f('pk_petition'))
    )
    op.create_index(op.f('ix_petition_unit_received_at'), 'petition', ['unit', 'received_at'], unique=False)
    op.create_table('vote',
    sa.Column('vote', sa.Text(), nullable=False),
    sa.Column('unit', sa.Text(), server_default='', nullable=False),
    sa.Column('month', sa.Text(), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('vote', name=op.f('pk_vote'))
    )
    op.create_index(op.f('ix_vote_month_unit'), 'vote', ['month', 'unit'], unique=False)
