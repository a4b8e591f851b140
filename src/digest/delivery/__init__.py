"""Record who was sent which edition, and what became of each delivery.

`models` holds the tables that every module here shares. `sending` freezes an issue's audience into
deliveries and batches, hands each batch to the provider, and records the provider's response;
`job_queue` asks any worker to look at what waits, and `postgres_job_queue` writes the jobs.
`events` consumes what the provider reports afterwards, keeping its place in each growing table with
`cursors`, and moves deliveries on. `counts` adds up both, so that every candidate is in exactly one
place, and `reporting` turns the counts and events into status and statistics; `copy_arrival` says
what is known of single copies, for the votes cast by their links. `known_secrets` stops
all of it while a secret is missing, and `erasure` removes one reader from all that was recorded.
Imports run one way: `reporting`, `events`, `sending`, `job_queue`, `models`.
"""
