"""Settings: what differs between deployments. hub.yaml and the environment -> HubSettings."""

from hub.settings.findings import Finding, SettingsError
from hub.settings.load import load_settings, read_block, settings_file
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
    "LogSettings",
    "ManagementSettings",
    "PostgresSettings",
    "SettingsError",
    "Unit",
    "WorkerSettings",
    "load_settings",
    "read_block",
    "settings_file",
]
