"""Say in a reader's language what is wrong with an address that was entered in a form."""

from __future__ import annotations

from collections.abc import Mapping

from subscribers.errors import AddressFault
from subscribers.locale import N_

ADDRESS_FAULTS: Mapping[AddressFault, str] = {
    AddressFault.EMPTY: N_("Please enter an email address."),
    AddressFault.NO_AT: N_("An email address needs an @ between the name and the domain."),
    AddressFault.MANY_AT: N_("An email address has only one @."),
    AddressFault.TOO_LONG: N_("An email address can’t be longer than 254 bytes."),
    AddressFault.LOCAL_TOO_LONG: N_("The part before the @ can’t be longer than 64 characters."),
    AddressFault.LABEL_TOO_LONG: N_(
        "A part of the domain between two dots can’t be longer than 63 characters."
    ),
    AddressFault.HIDDEN: N_("The address contains a space or an invisible character."),
    AddressFault.QUOTED: N_("Quotation marks before the @ aren’t supported."),
    AddressFault.LITERAL: N_("A network address in brackets after the @ isn’t supported."),
    AddressFault.ACCENTED: N_("Only letters without accents are supported before the @."),
    AddressFault.DOT: N_("A dot can only stand between other characters."),
    AddressFault.LOCAL: N_(
        "The part before the @ is missing or contains a character that isn’t allowed."
    ),
    AddressFault.DOMAIN: N_("The part after the @ isn’t an internet domain."),
    AddressFault.RESERVED: N_("This domain is reserved and can’t receive email."),
}
DISPOSABLE = N_("This domain is for throwaway addresses. Please use an address that you’ll keep.")
