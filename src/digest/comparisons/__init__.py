"""Comparisons of two tools: read from files, stored by revision, and printed as facts.

`loader` reads a file and hands its text to `page_parser` or `json_parser`, which take it apart;
both fill the `ComparisonDraft` of `schema`, where all bounds and all tidying are, and
`content_faults` words what it refuses. `store` finds the comparison a draft belongs to by its
`slug`, and adds a revision of `models` when the content has changed; `editing` is the other way to
a revision, by an editor's words. `score` turns panel shares into seats and finds contradictions,
and `serialize` returns a stored comparison as JSON types.
"""
