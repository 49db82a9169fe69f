"""Settings: what differs between deployments. hub.yaml and the environment -> HubSettings."""

from hub.settings.findings import Finding, Level, SettingsError, in_order
from hub.settings.load import Looked, load_settings, look_at, read_block, settings_file
from hub.settings.model import (
    BlobSettings,
    GatewaySettings,
    HubSettings,
    KafkaSecurity,
    KafkaSettings,
    LogSettings,
    ManagementSettings,
    PostgresSettings,
    Unit,
    WorkerSettings,
)

__all__ = [
    "BlobSettings",
    "Finding",
    "GatewaySettings",
    "HubSettings",
    "KafkaSecurity",
    "KafkaSettings",
    "Level",
    "LogSettings",
    "Looked",
    "ManagementSettings",
    "PostgresSettings",
    "SettingsError",
    "Unit",
    "WorkerSettings",
    "in_order",
    "load_settings",
    "look_at",
    "read_block",
    "settings_file",
]
