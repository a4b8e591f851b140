"""Mail: what is handed to a transport, what a transport answers, and what the provider reports.

A caller builds a `Mailing` of `mailing`, one content for up to 1,000 recipients, and passes it to a
`Transport` of `transport`. The transport prepares a request, hands the request over, and returns an
answer whose type is the decision on a retry. There are three transports: `sendgrid` for the
provider, `outbox` for files in a folder, and `memory` for tests. `marked_copy` makes test copies
whose links do nothing. In the other direction `sendgrid` parses webhook posts into the events of
`provider_events`, `link_visits` tells people who follow links from scanners, and `redaction`
removes addresses and names from the provider's text. All that `sendgrid` does leaves its folder as
one record, the `Provider` of `provider`. `spamassassin` scores a mail on the local machine before
it is sent.
"""
