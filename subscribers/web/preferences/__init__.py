"""Answers a reader's own pages, which the link to the preferences in every mail opens.

`preference_pages` has a handler for each form: it asks `overview_page` whose link it is and whether
their standing allows the form, changes what was asked for, and shows the overview again.
`newsletter_switches` is the part of the overview for a reader of several newsletters: a switch for
each, and leaving all of them. `own_sections` is the part that the application adds.
"""

from subscribers.web.preferences.preference_pages import (
    data,
    show,
    show_address,
    show_erase,
    show_leave_all,
    show_pause,
    show_topics,
    take_address,
    take_erase,
    take_leave_all,
    take_newsletters,
    take_pause,
    take_section,
    take_topics,
)

__all__ = [
    "data",
    "show",
    "show_address",
    "show_erase",
    "show_leave_all",
    "show_pause",
    "show_topics",
    "take_address",
    "take_erase",
    "take_leave_all",
    "take_newsletters",
    "take_pause",
    "take_section",
    "take_topics",
]
