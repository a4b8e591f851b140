"""SMTP, the way out by a mail server of one's own or of a company's.

On the way out `smtp_transport` divides a mailing into mails, which `mail_form` writes and
`dkim_signature` signs where no relay does. Each goes over a `relay_session`, on a connection that
`relay_connection` opens and `relay_pool` keeps for the next request; `relay_replies` says what the
relay's replies mean. `return_path` gives each mail the address that its bounces come back to, and
reads the ids back that the address carries; the package `bounces` reads the mails that come back to
it. `relay_check` looks at a relay for the doctor, and `smtp_record` joins all of that into the one
`Provider` that others get.
"""

from digest.mail.smtp.relay_connection import RelayAddress, RelaySecurity
from digest.mail.smtp.smtp_record import smtp_provider

__all__ = ["RelayAddress", "RelaySecurity", "smtp_provider"]
