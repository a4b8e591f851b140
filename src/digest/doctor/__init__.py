"""The checks of an installation, for `digest doctor` and the start of `digest run`.

`installation_checks` runs every check that needs no network, over secrets, addresses, the provider
and newsletters, and hands the database to `database_checks`, which examines the schema, the disk,
the clock, backups and restores. `worker_checks` looks whether workers are there for the jobs that
wait, `pace_checks` whether the limits let each issue out in time, `source_checks` whether followed
sites can be read, `webhook_checks` whether other programs take what they are told, and `api_checks`
whether the API's tokens last. Each check yields `health_check` values, which name a subject, a
level, a finding and the next step. `provider_checks` asks the provider itself. `dns_checks` lists
the DNS records that a domain of senders needs and compares them with those that a resolver returns.
"""

from digest.doctor.dns_checks import Resolve, is_reserved, look_up, records
from digest.doctor.health_check import CheckResult, HealthLevel, fine, refused, warning
from digest.doctor.installation_checks import is_loopback, run_checks, sender_domains
from digest.doctor.provider_checks import check_provider

__all__ = [
    "CheckResult",
    "HealthLevel",
    "Resolve",
    "check_provider",
    "fine",
    "is_loopback",
    "is_reserved",
    "look_up",
    "records",
    "refused",
    "run_checks",
    "sender_domains",
    "warning",
]
