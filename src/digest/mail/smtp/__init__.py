"""SMTP, the way out by a mail server of one's own or of a company's.

`return_path` gives each mail the address that its bounces come back to, and reads the ids back that
the address carries. The package `bounces` reads the mails that come back to it.
"""
