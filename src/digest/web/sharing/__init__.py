"""What leaves the site by other ways than its pages: feeds, share pictures, badges and frames.

`feed_pages` reads issues and comparisons and has `feed_formats` write them as Atom or JSON.
"""

from digest.web.sharing.feed_pages import FeedPages

__all__ = ["FeedPages"]
