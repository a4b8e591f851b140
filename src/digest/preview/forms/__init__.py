"""What an editor does at the desk beyond the draft, one module a subject.

`preview_app` hands the fields of a form to `issue_actions`, which carries the action out by the
same use case as the command of that name and returns a sentence, or raises what is wrong with it.
`comparison_editing` is a page of its own: it shows the words of one comparison, reviews what an
editor made of them, and keeps them as a revision. `newsletter_settings` is another, for the
newsletters themselves. `image_upload` keeps an image that a form sends, and shows it;
`word_fields` has what the fields for an editor's own words show. `json_bodies` reads what a page's
script posts and answers it.
"""

from digest.preview.forms.comparison_editing import comparison_routes
from digest.preview.forms.image_upload import image_routes
from digest.preview.forms.issue_actions import IssueActions
from digest.preview.forms.json_bodies import json_answer, json_body
from digest.preview.forms.newsletter_settings import newsletter_routes
from digest.preview.forms.word_fields import block_fields, chosen_passage, verdict_choices

__all__ = [
    "IssueActions",
    "block_fields",
    "chosen_passage",
    "comparison_routes",
    "image_routes",
    "json_answer",
    "json_body",
    "newsletter_routes",
    "verdict_choices",
]
