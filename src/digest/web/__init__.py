"""Serve the public site: pages for readers, the provider's webhook, and monitoring.

`server` listens and bounds connections, and `app` puts the ASGI application together. A request
passes `security_headers` and the last resort of `error_pages`, whose texts are in
`status_messages`, and reaches one of nine groups of routes. `public_pages`, with `comparison_page`,
and `archive` read the database and render through `theme`, which takes the newsletters from
`newsletter_cache`. `directory_pages` lead to comparisons: lists, search, tools, categories and the
sitemap. `sharing` has what other programs and sites show: feeds, share pictures, badges;
`conditional_requests` spares a client what it has already. `signup_wiring` configures the sign-up
and preference pages of `subscribers.web`; the letters these pages enqueue are sent by
`letter_worker`. `provider_webhook` verifies the provider's posts and writes them to the spool. On
the pages of `review` an editor decides on an issue, on those of `voting` readers vote. `monitoring`
answers health checks, and prints the numbers that `metrics` counts.
"""
