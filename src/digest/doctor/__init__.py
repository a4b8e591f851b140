"""TODO face."""

from digest.doctor.dns_checks import Resolve, SenderRecord, is_reserved, look_up, records
from digest.doctor.health_check import HealthCheck, HealthLevel
from digest.doctor.installation_checks import examine

__all__ = [
    "HealthCheck",
    "HealthLevel",
    "Resolve",
    "SenderRecord",
    "examine",
    "is_reserved",
    "look_up",
    "records",
]
