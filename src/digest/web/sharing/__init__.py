"""What leaves the site by other ways than its pages: feeds, share pictures, badges and frames.

`feed_pages` reads issues and comparisons and has `feed_formats` write them as Atom or JSON.
`share_pictures` names and draws the picture that other sites show beside a link.
"""

from digest.web.sharing.feed_pages import FeedPages
from digest.web.sharing.share_pictures import SharePictures

__all__ = ["FeedPages", "SharePictures"]
