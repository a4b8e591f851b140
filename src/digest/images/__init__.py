"""Pictures that mails and pages show: what may be one, and where its bytes are kept and found.

`add` has `encoding` read a file and encode its pixels anew, without whatever else the file said,
and keeps the result in the table of `models` under the SHA-256 of its bytes. What comes back is a
`StoredImage`: everything but the bytes, from which `url_of` makes the address that stands in mails
and pages. `find` returns the same for a key, and `content_of` the bytes, which the public site
serves. No image is ever deleted, since a mail that has left may show it for years.
"""

from digest.images.encoding import LONGEST_SIDE, MOST_BYTES, UnfitImage
from digest.images.models import Image, ImageType
from digest.images.store import FOLDER, StoredImage, add, content_of, find, url_of

__all__ = [
    "FOLDER",
    "LONGEST_SIDE",
    "MOST_BYTES",
    "Image",
    "ImageType",
    "StoredImage",
    "UnfitImage",
    "add",
    "content_of",
    "find",
    "url_of",
]
