"""A client of the JSON API, for other programs: `from digest.client import Digest`."""
