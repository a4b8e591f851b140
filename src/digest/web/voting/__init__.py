"""Answer the vote links of mails: a page with the choice preset, whose button casts the vote.

`vote_pages` reads the token in a link, which names the reader and the comparison. A GET changes no
vote: it shows the form that `vote_view` words, for the tools that `ballot_papers` finds.
"""

from digest.web.voting.vote_pages import VotePages

__all__ = ["VotePages"]
