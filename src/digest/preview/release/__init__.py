"""What the desk says about the release of an issue: facts that the snapshot carries.

`read_release_facts` reads who gets an issue, when and how, and `read_empty_week` what to offer
where it has nothing to carry; `import_samples` is one of the offers.
"""

from digest.preview.release.empty_week import EmptyWeek, import_samples, read_empty_week
from digest.preview.release.release_facts import ReleaseFacts, read_release_facts

__all__ = [
    "EmptyWeek",
    "ReleaseFacts",
    "import_samples",
    "read_empty_week",
    "read_release_facts",
]
