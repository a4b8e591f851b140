"""The comparisons that visitors of the public site may see, and how they are found.

`publication` is the one place that decides which comparisons are public: every page, list and feed
of the site asks it, by `public_revision` for one comparison and by the condition `is_public` in a
query over many.
"""

from digest.directory.publication import PublicTerms, is_public, newest_public, public_revision

__all__ = ["PublicTerms", "is_public", "newest_public", "public_revision"]
