"""The JSON API under `/api/v1`: what is true of every resource, and the resources.

`app` puts it together. A request passes `admission`, which bounds it, finds out by its token who
calls, and counts it in `rate_budget`; it reaches a route of `resources`, whose signature says with
the types of `dependencies` what it takes: a scope, the installation, a change. A change runs in
`unit_of_change`, which does the work and keeps the answer in one transaction, so that a repetition
under the same idempotency key gets that answer; `entity_tags` compares what a client has with what
there is, `paging` divides lists, and `turns` bounds what takes long. Whatever fails becomes a
problem document in `problems`, whose next step `command_calls` says as a call.
`openapi_document` says all this to programs, `reference_page` to people.
"""
