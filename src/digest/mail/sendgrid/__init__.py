"""SendGrid, the mail provider: the only package that knows its wire formats.

On the way out `sendgrid_transport` encodes a mailing by `payload` as a Mail Send v3 body, posts the
body by `http_exchange`, on a connection of its own that `connections_ahead` may have made while the
request before was answered, and turns the exchange into a transport's answer by `responses`. On the
way back `webhook` verifies the signature of an event webhook post and parses the post into provider
events, with the ids that `payload` sent as custom arguments. `suppressions` removes an address from
SendGrid's suppression lists. `provider_record` joins all of that, and the DNS records of a sender,
into the one `Provider` that others get.
"""

from digest.mail.sendgrid.provider_record import sendgrid_provider

__all__ = ["sendgrid_provider"]
