"""What leaves the site by other ways than its pages: feeds, share pictures, badges and frames.

`feed_pages` reads issues and comparisons and has `feed_formats` write them as Atom or JSON.
`share_pictures` names and draws the picture that other sites show beside a link.
`embeds` answers with what other sites embed: a frame, and the badge that `badge` draws.
`structured_data` says in schema.org's words what a page says in ours.
"""

from digest.web.sharing.embeds import Embeds
from digest.web.sharing.feed_pages import FeedPages
from digest.web.sharing.share_pictures import SharePictures
from digest.web.sharing.structured_data import structured_data

__all__ = ["Embeds", "FeedPages", "SharePictures", "structured_data"]
