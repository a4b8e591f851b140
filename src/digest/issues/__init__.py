"""Issues of a newsletter: when each is due, what it carries, and the mail frozen for it.

`models` defines the tables and `store` reads them. For each slot of `calendar`, `build` lets
`picking` choose comparisons under the editors' decisions of `draft_history`, lets `content`
compose an `IssueView` from their revisions, renders the view, checks the mail with `checking` and
stores it as an edition; `provenance` keeps the inputs of that edition, so that the same bytes can
be made again. `approval` binds a person's consent to the edition, the audience and the templates.
`newsletters` adds a newsletter, changes its settings and ends it. `issue_facts` tells programs of
an issue.
"""
