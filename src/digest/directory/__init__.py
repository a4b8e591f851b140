"""The comparisons that visitors of the public site may see, and how they are found.

`publication` is the one place that decides which comparisons are public: every page, list and feed
of the site asks it. `listing` returns a page of them by date, with the words of a visitor put into
SQL by `search`.
"""

from digest.directory.listing import Listing, find, newest_public
from digest.directory.publication import PublicTerms, public_revision

__all__ = ["Listing", "PublicTerms", "find", "newest_public", "public_revision"]
