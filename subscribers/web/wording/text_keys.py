"""Name the texts that every language of the pages must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from subscribers.address_change import AddressChangeResult
from subscribers.errors import AddressFault
from subscribers.lifecycle import ConfirmResult


@dataclass(frozen=True, kw_only=True)
class PageText:
    """A title, and the paragraphs below it."""

    title: str
    body: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TextCatalogue:
    """The texts of one language; placeholders such as ``{newsletter}`` are filled in later."""

    name: str  #: of the language, in itself
    sign_up: PageText
    comes: str
    sign_up_again: str
    sign_up_harder: str  #: past a cap, where a harder proof of work leads on
    address: str
    trap: str
    sign_up_button: str
    needs_script: str  #: where the browser has a proof to do and may not
    needs_script_now: str  #: the same, where it may not be needed later
    working: str
    wording: str  #: what one agrees to; kept as evidence
    latest: str
    read_latest: str
    kept_link: str
    kept: PageText
    lasting: tuple[str, str, str, str]  #: "1 day", "{n} days", "1 year", "{n} years"
    kept_responsible: str
    kept_carrier: str
    kept_copies: str
    kept_copies_elsewhere: str
    kept_files: str
    kept_network: Mapping[str, str]
    kept_tracking: Mapping[str, str]
    inbox: PageText
    many: PageText
    locked_in: PageText  #: where the page around the form keeps it from being sent
    disposable: str
    confirm: PageText
    confirm_button: str
    confirmed: Mapping[ConfirmResult, PageText]
    confirm_late: PageText
    ask_again: str
    leave: PageText
    leave_button: str
    left: PageText
    stay_button: str
    back: PageText
    not_back: PageText
    decline: PageText  #: to who didn't ask for a letter
    decline_button: str
    declined: PageText
    undecline_button: str
    undeclined: PageText
    preferences: PageText
    standing: Mapping[str, str]
    newsletters_label: str
    newsletter_more: str
    leave_all: PageText
    leave_all_button: str
    own_address: str
    topics: PageText
    topics_label: str
    topics_chosen: str
    topics_changed: str
    save: str
    saved: str
    pause: PageText
    pause_label: str
    pause_same: str
    pause_until: str
    pause_fault: str
    weeks: str
    resume: str
    move: PageText
    move_label: str
    move_button: str
    move_asked: PageText
    move_many: str
    moving: PageText
    moving_button: str
    moved: Mapping[AddressChangeResult, PageText]
    data: str
    erase: PageText
    erase_button: str
    erased: PageText
    to_preferences: str
    to_sign_up: str
    bad_link: PageText
    old_link: PageText
    no_newsletter: PageText
    to_front: str
    unreachable: PageText
    unreachable_mail: str
    broken: PageText
    faults: Mapping[AddressFault, str]

    def days(self, number: int) -> str:
        """Say how long a number of days is, in years where it comes out even."""
        one_day, days, one_year, years = self.lasting
        whole_years, odd_days = divmod(number, 365)
        if whole_years and not odd_days:
            return one_year if whole_years == 1 else years.format(n=whole_years)
        return one_day if number == 1 else days.format(n=number)
