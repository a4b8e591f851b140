"""Every error a caller may want to catch.

SubscribersError
├── BadAddress        the text is no address we can mail
├── BadToken          the link isn't one of ours, or isn't good for this
└── BadImport         the list can't be read
"""


class SubscribersError(Exception):
    """Something asked of the list of subscribers can't be done."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class BadAddress(SubscribersError):
    """This isn't an email address we can send to."""


class BadToken(SubscribersError):
    """This link isn't valid."""


class BadImport(SubscribersError):
    """The list can't be read."""
