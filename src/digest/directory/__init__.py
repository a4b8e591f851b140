"""The comparisons that visitors of the public site may see, and how they are found.

`publication` is the one place that decides which comparisons are public: every page, list and feed
of the site asks it, and its `DirectoryState` tells whether any of them has changed. `listing`
returns a page of them by date, with the words of a visitor put into SQL by `search`. `tools` and
`categories` list what stands in them, `site_map` all of it at once. `revision_history` tells what
has changed in one of them.
"""

from digest.directory.categories import CategoryCount, category_list
from digest.directory.listing import (
    Filters,
    Listing,
    ListPart,
    ListPlace,
    find,
    newest_public,
    part_of_list,
)
from digest.directory.publication import (
    DirectoryState,
    EditorsTerms,
    PublicTerms,
    Terms,
    directory_state,
    public_comparisons,
    public_revision,
)
from digest.directory.revision_history import ChangeHistory, HistoryStep, change_histories
from digest.directory.site_map import DirectoryMap, directory_map
from digest.directory.tools import (
    Appearance,
    SharePoint,
    ToolHistory,
    ToolList,
    part_of_tools,
    tool_history,
    tool_list,
)

__all__ = [
    "Appearance",
    "CategoryCount",
    "ChangeHistory",
    "DirectoryMap",
    "DirectoryState",
    "EditorsTerms",
    "Filters",
    "HistoryStep",
    "ListPart",
    "ListPlace",
    "Listing",
    "PublicTerms",
    "SharePoint",
    "Terms",
    "ToolHistory",
    "ToolList",
    "category_list",
    "change_histories",
    "directory_map",
    "directory_state",
    "find",
    "newest_public",
    "part_of_list",
    "part_of_tools",
    "public_comparisons",
    "public_revision",
    "tool_history",
    "tool_list",
]
