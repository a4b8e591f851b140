"""Outgoing webhooks: other programs are told what happened, as Standard Webhooks."""
