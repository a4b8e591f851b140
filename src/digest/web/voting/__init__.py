"""Answer the vote links of mails: a page with the choice preset, whose button casts the vote.

`vote_pages` reads the token in a link, which names the reader and the comparison. A GET changes no
vote: it shows the form that `vote_view` words, for the tools that `ballot_papers` finds. A press
goes into `ballot_box`, and `rendered_pages` turns what comes out of it into the answer. A visitor
without a link asks `asking` for one by mail, in the form of `asking_view`; the press on it may
subscribe as well, by `joining`. `own_page` adds to a reader's own page what they can get for their
votes.
"""

from digest.web.voting.asking import VoteAsking
from digest.web.voting.own_page import OWN_SECTIONS
from digest.web.voting.vote_pages import VotePages

__all__ = ["OWN_SECTIONS", "VoteAsking", "VotePages"]
