"""Turn AI tool comparisons into newsletters, send them, and record what happens to each mail.

`comparisons` reads a page or JSON file into the database. `issues` picks one comparison for each
date of the calendar, writes the copy, and builds the issue; `render` makes HTML and text of it and
lints both. Once an editor has approved the issue, `delivery` freezes the recipients, sends batches
through a transport of `mail`, and applies the provider's events; `letters` sends transactional
mail through the same transports. `service` runs all of this by the clock, `web` serves the public
site and the webhook, `cli` holds the commands, and `app` wires everything to `settings` and `db`.
`process_id` names the processes that share a database.
"""
