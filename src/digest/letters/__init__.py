"""TODO face."""

from digest.letters.letter_view import LetterView
from digest.letters.sender import LetterTransport

__all__ = ["LetterTransport", "LetterView"]
