"""The preview server of `digest preview`, which editors know as the desk.

`overlay` lays the comparisons of the editor's folder over the stored ones, `snapshot` builds the
next issue from them, and `build_errors` locates what prevents that. `session` holds the newest
snapshot and applies an editor's decisions, as `draft_requests` reads them, approvals and test
copies; `file_watcher` renews it
when a file is saved. Behind `origin_guard`, `preview_app` answers each request: `query` parses it,
`panels` gathers the chosen panel with `sample_issues`, `changes` and `diff`, `client_simulation`
shows the mail as a mail program would, and `view_models` fills the templates of the page. `forms`
holds what an editor does beyond the draft: sending, moving and cancelling an issue, and editing
the words of one comparison; `proposals` is the page of what followed sites propose.
"""

from digest.preview.file_watcher import FileWatcher
from digest.preview.origin_guard import LINK_FIELD
from digest.preview.preview_app import make_preview, templates
from digest.preview.release import import_samples
from digest.preview.session import PreviewSession

__all__ = [
    "LINK_FIELD",
    "FileWatcher",
    "PreviewSession",
    "import_samples",
    "make_preview",
    "templates",
]
