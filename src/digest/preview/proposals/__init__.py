"""The desk's page of what followed sites propose: what is new, has changed or is gone.

`proposal_view` reads the proposals that wait and puts each into words, with what differs field by
field. `proposals_page` shows them, and accepts or dismisses them by the use cases of
`digest.sources`; the desk then shows the next issue with them.
"""

from digest.preview.proposals.proposals_page import proposal_routes

__all__ = ["proposal_routes"]
