"""Why a text is no address we can mail, in German; the English is in the faults themselves."""

from __future__ import annotations

from collections.abc import Mapping

from subscribers.errors import AddressFault

FAULTS: Mapping[AddressFault, str] = {
    AddressFault.EMPTY: "Bitte geben Sie eine Adresse ein.",
    AddressFault.NO_AT: "In einer Adresse steht ein @ zwischen Name und Domain.",
    AddressFault.MANY_AT: "In einer Adresse steht nur ein @.",
    AddressFault.TOO_LONG: "Eine Adresse hat höchstens 254 Bytes.",
    AddressFault.LOCAL_TOO_LONG: "Vor dem @ stehen höchstens 64 Zeichen.",
    AddressFault.LABEL_TOO_LONG: ("Zwischen zwei Punkten der Domain stehen höchstens 63 Zeichen."),
    AddressFault.HIDDEN: "Die Adresse enthält ein Leerzeichen oder ein unsichtbares Zeichen.",
    AddressFault.QUOTED: "Anführungszeichen vor dem @ werden nicht unterstützt.",
    AddressFault.LITERAL: ("Eine Netzadresse in Klammern hinter dem @ wird nicht unterstützt."),
    AddressFault.ACCENTED: "Vor dem @ werden nur Buchstaben ohne Akzente unterstützt.",
    AddressFault.DOT: "Punkte stehen nur zwischen anderen Zeichen.",
    AddressFault.LOCAL: "Vor dem @ fehlt etwas, oder dort steht ein unerlaubtes Zeichen.",
    AddressFault.DOMAIN: "Hinter dem @ steht keine Internet-Domain.",
    AddressFault.RESERVED: "Diese Domain ist reserviert und kann keine Post bekommen.",
}
