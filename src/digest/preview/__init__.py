"""The editor's desk: the next issue as readers will get it, on the editor's own machine."""

from digest.preview.file_watcher import FileWatcher
from digest.preview.origin_guard import LINK_FIELD
from digest.preview.preview_app import make_desk, templates
from digest.preview.session import PreviewSession

__all__ = ["LINK_FIELD", "FileWatcher", "PreviewSession", "make_desk", "templates"]
