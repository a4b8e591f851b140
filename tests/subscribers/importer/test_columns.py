"""Import columns: what names and cells decide, and that unclear cells subscribe nobody."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from digest.db import Database
from subscribers.errors import BadImport
from subscribers.importer import columns
from subscribers.importer.formats import recognise
from tests.subscribers.conftest import OPTIONS, Import, addresses

LETTERS = some.text("abcdefghijklmnopqrstuvwxyz", max_size=6)
GLUE = some.sampled_from(["", " ", "_", "-", ".", ": ", "\u00ad", "\u200b"])
LOOKS = some.sampled_from([str.lower, str.upper, str.title, str.capitalize])
STEMS = some.sampled_from(sorted(columns.STEMS | columns.TOKENS))
PARTED = some.sampled_from([" ", "_", "-", ".", ": "])


@given(before=LETTERS, left=GLUE, stem=STEMS, right=GLUE, after=LETTERS, look=LOOKS)
def test_no_list_is_read_whose_column_may_tell_who_left_and_is_not_known(
    before: str, left: str, stem: str, right: str, after: str, look: object
) -> None:
    assert callable(look)
    parted = stem in columns.TOKENS
    name = look(f"{before} {stem} {after}" if parted else f"{before}{left}{stem}{right}{after}")
    key = columns.key(name)
    understood = key in columns.KNOWN | dict.fromkeys(columns.HARMLESS | AGREED)
    assert understood or not lets_in(["email", name], ["ann@example.com", "yes"])


#: Mailchimp's two times of agreeing, which are read together.
AGREED = frozenset({"optin_time", "confirm_time"})


def lets_in(header: list[str], fields: list[str]) -> bool:
    try:
        return recognise(header).refusal(fields) is None
    except BadImport:
        return False


#: Cells that some column understands, beside days.
UNDERSTOOD = frozenset(
    [
        *("", "-", "n/a", "\\n", "nan", "nil", "none", "null"),
        *("0", "f", "false", "falsch", "faux", "n", "nein", "no", "non", "off"),
        *("1", "ja", "on", "oui", "t", "true", "vrai", "wahr", "x", "y", "yes"),
        *("active", "comped", "confirmed", "enabled", "free", "gifted", "opted_in", "paid"),
        *("premium", "regular", "subscribed", "trialed"),
    ]
)


@given(name=some.sampled_from(sorted(columns.KNOWN)), cell=some.text(max_size=12))
def test_a_cell_that_is_not_understood_lets_nobody_in(name: str, cell: str) -> None:
    text = cell.strip().lower()
    assume(text not in UNDERSTOOD and not re.search(r"\d{4}", text))
    assert not lets_in(["email", name], ["ann@example.com", cell])


@pytest.mark.parametrize(
    ("content", "joined"),
    [
        ("Email Address,First Name,UNSUB_TIME,UNSUB_REASON\n{},A,2024-02-01,NORMAL\n", 0),
        ("Email Address,CLEAN_TIME\n{},2024-02-01 10:00:00\n", 0),
        ("Email Address,OPTIN_TIME,CONFIRM_TIME\n{},,\n", 0),
        ("Email Address,OPTIN_TIME,CONFIRM_TIME\n{},,2024-02-01\n", 1),
        ("email,unsubscribed\n{},true\n", 0),
        ("email,unsubscribed\n{},2024-02-01\n", 0),
        ("email,unsubscribed\n{},false\n", 1),
        ("email,unsubscribed_at\n{},2024-02-01\n", 0),
        ("email,unsubscribed_at\n{},1970-01-01\n", 0),
        ("email,unsubscribed_at\n{},0000-00-00 00:00:00\n", 1),
        ("email,unsubscribedAt\n{},null\n", 1),
        ("email,subscribed\n{},false\n", 0),
        ("email,subscribed\n{},\n", 0),
        ("email,subscribed\n{},perhaps\n", 0),
        ("email,isSubscribed\n{},TRUE\n", 1),
        ("email,opt_out,bounced,confirmed\n{},1,0,1\n", 0),
        ("email,opt_out,bounced,confirmed\n{},0,1,1\n", 0),
        ("email,opt_out,bounced,confirmed\n{},0,0,0\n", 0),
        ("email,opt_out,bounced,confirmed\n{},0,0,1\n", 1),
        ("email,confirmed_at\n{},Jan 2, 2024\n", 0),  # a comma more than the header
        ('email,confirmed_at\n{},"Jan 2, 2024 10:00 PM"\n', 1),
        ("email,confirmed_at\n{},no longer since 2024\n", 0),
        ("email,confirmed_at\n{},declined 2024-01-01\n", 0),
        ("email,opt_in\n{},ja\n", 1),
        ("email,opt_in\n{},\n", 0),
        ("Email,Unsubscribed from all email\n{},true\n", 0),
        ("EMAIL;EMAIL_BLACKLISTED\n{};Yes\n", 0),
        ("Email,List status,Global status\n{},subscribed,Unsubscribed\n", 0),
        ("Email,Portal Unsubscribe,Portal Bounce\n{},FALSE,TRUE\n", 0),
        ("email,status\n{},\n", 0),
        ("email,state\n{},CA\n", 0),
        ("email,unsubscribed,unsubscribed\n{},,true\n", 0),
        ("email,name,unsubscribed\n{},Doe, Jane,true\n", 0),  # a comma that isn't quoted
        ("{},unsubscribed\n", 0),
        ("{},Ann\n", 1),
    ],
)
def test_who_left_bounced_or_never_agreed_stays_out_whatever_the_list_calls_it(
    database: Database, load_csv: Import, content: str, joined: int
) -> None:
    load_csv(content.format("ann@example.com"))
    assert addresses(database) == ["ann@example.com"] * joined


@pytest.mark.parametrize(
    "name",
    [
        "Contact Status", "Newsletter", "abgemeldet am", "Désabonné", "Baja", "Suppression Reason",
        "Email Marketing Consent Level", "Opt", "UnSubscribed", "un\u00adsub", "Permission",
        "Kündigung", "Gekündigt am", "Austritt", "Austrittsdatum", "Rücktritt", "Ausgeschlossen",
        "inaktiv", "Werbung erlaubt", "résilié", "Résiliation", "Ne pas envoyer",
        "Ne plus contacter", "Opposition", "estado", "eliminado", "revocado", "No enviar", "stato",
        "rimosso", "Opzegging", "Verwijderd", "Actief", "niet mailen", "Exit date", "Quit",
        "Expired", "Ended", "end_date", "muted", "dead", "Opposed", "DOI", "reachable", "Reason",
        "member", "Mail allowed", "wypisany", "odhlášen", "отписан", "退订", "descadastrado",
        "avregistrerad", "구독 취소",
    ],
)  # fmt: skip
def test_a_column_that_may_tell_who_left_stops_the_import_by_its_name(
    database: Database, load_csv: Import, name: str
) -> None:
    content = f"email,{name},name\nann@example.com,x,Ann\n"
    with pytest.raises(BadImport, match=f'--ignore-column "{name}"'):
        load_csv(content)
    assert addresses(database) == []
    report = load_csv(content, replace(OPTIONS, ignored=frozenset({name.upper()})))
    assert (report.added, report.standings) == (1, {"not said": 1})


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("Group", "Unsubscribed"), ("", "unsubscribed"), ("Tags", "bounced"), ("x", "abgemeldet"),
        ("Tags", "vip; Dado de baja"), ("Type", "désabonné"), ("Type", "Unsubscribed 2024-01-01"),
        ("Type", "Odhlášen"), ("Type", "отписан"), ("Type", "退订"), ("Type", "Spam complaint"),
        ("Type", "REMOVED"), ("Type", "do not e-mail"), ("Tags", "vip|left"),
        ("Note", "Removed by an admin"), ("Type", "Eliminado"), ("Type", "gelöscht"),
    ],
)  # fmt: skip
def test_a_cell_that_says_who_left_stops_the_import_whatever_its_column_is_called(
    database: Database, load_csv: Import, name: str, cell: str
) -> None:
    content = f"email,{name}\nben@example.com,\nann@example.com,{cell}\n"
    with pytest.raises(BadImport, match=f'line 3 says .*--ignore-column "{name}"'):
        load_csv(content)
    assert addresses(database) == []
    assert load_csv(content, replace(OPTIONS, ignored=frozenset({name}))).added == 2


def test_a_word_of_leaving_behind_the_last_column_stops_the_import(load_csv: Import) -> None:
    with pytest.raises(BadImport, match=r"line 2 .* more fields"):
        load_csv("email,name\nann@example.com,Doe, Unsubscribed\n")


def test_a_latin1_word_of_leaving_is_understood(load_csv: Import) -> None:
    with pytest.raises(BadImport, match="line 2 says"):
        load_csv("email,Type\nann@example.com,désabonné\n".encode("latin-1"))


@pytest.mark.parametrize(
    "cell", ["abgemeldet", "Dado de baja", "désabonné", "Unsubscribed 2024-01-01", "退订"]
)
def test_a_list_without_a_header_lets_nobody_in_whose_line_says_they_left(
    database: Database, load_csv: Import, cell: str
) -> None:
    load_csv(f"ben@example.com,Ben\nann@example.com,{cell}\n")
    assert addresses(database) == ["ben@example.com"]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("Last Name", "Held"), ("Company", "Bouncy Castles"), ("Region", "Baja California"),
        ("Notes", "She left her old mailbox behind and wants to hear from us: not unsubscribed"),
        ("Mail 2", "unsubscribed@example.com"), ("Street", "Left Bank 3"),
    ],
)  # fmt: skip
def test_a_cell_that_tells_nothing_of_the_kind_stops_nothing(
    load_csv: Import, name: str, cell: str
) -> None:
    assert load_csv(f"email,{name}\nann@example.com,{cell}\n").added == 1


def test_a_header_that_is_not_utf8_is_refused_and_not_quoted(load_csv: Import) -> None:
    with pytest.raises(BadImport, match="isn't UTF-8"):
        load_csv("email,désabonné\nann@example.com,non\n".encode("latin-1"))


def test_all_such_columns_are_named_at_once(load_csv: Import) -> None:
    with pytest.raises(BadImport, match='"Newsletter", "Lead status"'):
        load_csv("email,Newsletter,Lead status\nann@example.com,no,lost\n")


def test_a_column_to_ignore_that_is_not_there_is_named(load_csv: Import) -> None:
    with pytest.raises(BadImport, match='names "stauts", and the list has no such column'):
        load_csv(
            "email,status\na@example.com,active\n", replace(OPTIONS, ignored=frozenset({"stauts"}))
        )


@pytest.mark.parametrize("name", ["name", "City", "Company", "tags", "created_at", "OPTIN_IP"])
def test_a_column_that_tells_nothing_of_the_kind_stops_nothing(load_csv: Import, name: str) -> None:
    assert load_csv(f"email,{name}\nann@example.com,x\n").added == 1
