"""What an editor does at the desk beyond the draft, one module a subject.

`release_facts` reads who gets an issue, when and how, and `empty_week` what to offer where it has
nothing to carry; the snapshot carries both.
`preview_app` hands the fields of a form to `issue_actions`, which carries the action out by the
same use case as the command of that name and returns a sentence, or raises what is wrong with it.
"""

from digest.preview.forms.empty_week import EmptyWeek, empty_week
from digest.preview.forms.issue_actions import IssueActions
from digest.preview.forms.release_facts import ReleaseFacts, release_facts

__all__ = ["EmptyWeek", "IssueActions", "ReleaseFacts", "empty_week", "release_facts"]
