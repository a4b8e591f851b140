"""Holds who agreed to receive mail, and how they join and leave.

A sign-up passes `abuse_prevention`, is recorded and processed by `signup`, and waits as a letter in
`letter_queue`, which `reader_letter` turns into mail. Its link, made by `tokens`, leads to a page
of `web`, which asks `lifecycle` to confirm, leave, pause or erase, or `address_change` to move to
another `address`. `importer` brings whole lists in instead. Each of them writes the tables of
`models` through `store`, an entry of `consent` as proof, and a `suppression` where an address must
not be mailed. `audience` then decides who gets an issue; `list_statistics` and `export` report the
list, and `retention` deletes what needn't be kept any longer. `errors`, `sql` and `dates` serve all
of them. The package never imports `digest`: its caller passes in the database, a sender of letters,
and what makes the links that only the caller knows.
"""
