"""The HTML of the pages that show accepted mails."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

from digest.fake_sendgrid.http.http_message import HttpResponse
from digest.fake_sendgrid.message_store import AcceptedMail
from digest.fake_sendgrid.substitution import SubstitutedMail

HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    # The mail in the frame may load images, and its scripts never run.
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src * data:;"
     " frame-src 'self'; base-uri 'none'; form-action 'self'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)  # fmt: skip
SHOWN_DOUBLED = 5
STYLE = """
:root { color-scheme: light dark; --ink: #1d2129; --soft: #5b6472; --line: #d9dee5; --ground: #fff;
  --link: #0b5cad; --warn: #a3281d }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa5b4; --line: #343b46;
  --ground: #14171c; --link: #79b8ff; --warn: #ff9b8e } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 68rem; background: var(--ground);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
p { margin: .25rem 0 1rem } a { color: var(--link) }
.soft { color: var(--soft) } .warn { color: var(--warn); font-weight: 600 }
form { display: flex; gap: .5rem; flex-wrap: wrap; margin: 1rem 0 }
input, button { font: inherit; color: inherit; background: var(--ground); padding: .35rem .6rem;
  border: 1px solid var(--line); border-radius: 6px }
input { flex: 1 1 14rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0;
  border-bottom: 1px solid var(--line) }
td { overflow-wrap: anywhere } .pairs th { width: 12rem; overflow-wrap: anywhere }
.mails td { overflow-wrap: break-word } .mails td:nth-child(2) { max-width: 20rem }
@media (max-width: 40rem) {
  .pairs th { width: 9rem } .mails thead { display: none } .mails td { overflow-wrap: anywhere }
  .mails tr { display: flex; flex-direction: column; padding: .5rem 0;
    border-bottom: 1px solid var(--line) }
  .mails td { border: 0; padding: 0 } .mails td.when { order: 1; font-size: .875rem } }
th { color: var(--soft); font-weight: 500; font-size: .875rem } td.when { white-space: nowrap }
iframe { width: 100%; height: 42rem; border: 1px solid var(--line); border-radius: 6px;
  background: #fff }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line);
  border-radius: 6px; padding: .75rem; font-size: .875rem; margin: 0;
  max-height: 42rem; overflow: auto }
"""


def mails_page(
    mails: list[tuple[AcceptedMail, SubstitutedMail]],
    counts: dict[str, Any],
    address: str,
    older: int | None,
) -> HttpResponse:
    """Return the list of mails, newest first; *older* is the id the next page ends before."""
    rows = "".join(
        f'<tr><td class="soft when">{_when(mail.at)}</td><td>{escape(mail.address)}</td>'
        f'<td><a href="/mails/{mail.id}">{escape(shown.subject or "(no subject)")}</a></td></tr>'
        for mail, shown in mails
    )
    table = (
        '<table class="mails"><thead><tr><th>Accepted (UTC)<th>To<th>Subject</tr></thead>'
        f"{rows}</table>"
        if rows
        else "<p>No mail here yet. POST one to <code>/v3/mail/send</code>.</p>"
    )
    more = f'<p><a href="/?{_query(address)}before={older}">Older mails</a></p>' if older else ""
    return _page(
        "Fake SendGrid",
        f'<h1>Fake SendGrid</h1><p class="soft">{_summary(counts)}</p>{_doubled(counts)}'
        f'<form><input name="address" aria-label="Address" placeholder="Only to this address"'
        f' value="{escape(address)}"><button>Filter</button></form>{table}{more}',
    )


def mail_page(
    mail: AcceptedMail, shown: SubstitutedMail, events: list[dict[str, Any]]
) -> HttpResponse:
    """Return the page of one mail: sender, headers, HTML in a sandboxed frame, text, events."""
    fields = {
        "From": shown.sender, "To": shown.to, "Reply-To": shown.reply_to,
        "Accepted": f"{_when(mail.at)} UTC", "X-Message-Id": mail.message_id,
    }  # fmt: skip
    frame = (
        f'<h2>HTML</h2><iframe sandbox title="The mail" src="/mails/{mail.id}/html"></iframe>'
        if shown.html
        else ""
    )
    text = f"<h2>Text</h2><pre>{escape(shown.text)}</pre>" if shown.text else ""
    event_rows = [{"What": event["event"], "When": _when(event["timestamp"])} for event in events]
    return _page(
        shown.subject,
        f'<p><a href="/">All mails</a> · <a href="/mails/{mail.id}/raw">Message file</a></p>'
        f"<h1>{escape(shown.subject)}</h1>{_pairs(fields)}{frame}{text}"
        f"<h2>Headers</h2>{_pairs(shown.headers)}"
        f"<h2>Custom arguments</h2>{_pairs(mail.custom_args)}"
        f"<h2>Substitutions</h2>{_pairs(mail.own.get('substitutions') or {})}"
        + ("<h2>Events this mail brings</h2>" + _table(event_rows) if event_rows else ""),
    )


def html_part(shown: SubstitutedMail) -> HttpResponse:
    """Return the HTML part of a mail, for the frame of its page."""
    policy = (
        "Content-Security-Policy",
        "sandbox; default-src 'none'; style-src 'unsafe-inline' *; font-src *; img-src * data:",
    )
    return HttpResponse(headers=(HEADERS[0], policy, *HEADERS[2:]), body=shown.html.encode())


def _page(title: str, body: str) -> HttpResponse:
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{STYLE}</style><main>{body}</main></html>'
    )
    return HttpResponse(headers=HEADERS, body=page.encode())


def _summary(counts: dict[str, Any]) -> str:
    return (
        f"{counts['messages']:,} mails in {counts['requests']:,} requests to"
        f" {counts['addresses']:,} addresses"
    )


def _doubled(counts: dict[str, Any]) -> str:
    if not counts["duplicates"]:
        return ""
    first = ", ".join(escape(row["address"]) for row in counts["doubled"][:SHOWN_DOUBLED])
    many = counts["duplicates"]
    copies = f"{many:,} {'copy' if many == 1 else 'copies'} too many"
    return f'<p class="warn">{copies}, to {first}{", …" if many > SHOWN_DOUBLED else ""}</p>'


def _pairs(pairs: dict[str, str]) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in pairs.items()
        if value
    )
    return f'<table class="pairs">{rows}</table>' if rows else '<p class="soft">None.</p>'


def _table(rows: list[dict[str, str]]) -> str:
    head = "".join(f"<th>{escape(name)}" for name in rows[0])
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row.values()) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead>{lines}</table>"


def _query(address: str) -> str:
    return f"address={quote(address)}&amp;" if address else ""


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
