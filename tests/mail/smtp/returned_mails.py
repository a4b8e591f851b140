"""Mails as servers return them, in the shape of each; every word of them is our own."""

from __future__ import annotations

from digest.mail.smtp.return_path import ReturnPaths, message_id, return_path
from subscribers.tokens import Hashes, MailTokens

SECRET = "a secret of these tests that is long enough"
ATTEMPT = "0123456789abcdef0123456789abcdef"
READER = "reader@example.org"
DATE = "Tue, 03 Feb 2026 09:00:00 +0000"
AT = 1770109200  #: DATE in seconds since 1970

PATHS = ReturnPaths(tokens=MailTokens([SECRET]), hashes=Hashes([SECRET]))


def token(
    delivery: str = "17", attempt: str = ATTEMPT, address: str = READER, paths: ReturnPaths = PATHS
) -> str:
    return paths.token(attempt=attempt, delivery=delivery, address=address)


TOKEN = token()


def verp(of: str = TOKEN) -> str:
    return return_path("bounces@news.example", of)


def our_headers(of: str = TOKEN, to: str = READER) -> str:
    return (
        f"From: Weekly <weekly@news.example>\nTo: {to}\nSubject: Four ship it\n"
        f"Message-ID: {message_id(of, 'news.example')}\nDate: {DATE}\n"
    )


def mail(headers: str, body: str) -> bytes:
    return f"{headers}\n{body}".replace("\n", "\r\n").encode()


def report(
    *recipients: str,
    to: str = "",
    mail_fields: str = "Reporting-MTA: dns; mx.example.net\nArrival-Date: " + DATE,
    returned: str = "",
    returned_type: str = "text/rfc822-headers",
    headers: str = "",
    kind: str = "delivery-status",
) -> bytes:
    """A delivery report (RFC 3464)."""
    blocks = "\n\n".join((mail_fields, *recipients))
    return mail(
        f"From: MAILER-DAEMON@mx.example.net (Mail Delivery System)\nTo: {to or verp()}\n"
        f"Subject: Undelivered Mail\nDate: {DATE}\nAuto-Submitted: auto-replied\n{headers}"
        f"MIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type={kind};\n\tboundary="B/1"\n',
        "This is for mail programs that read no MIME.\n\n"
        "--B/1\nContent-Type: text/plain; charset=us-ascii\n\n"
        "The mail could not be delivered.\n\n"
        f"--B/1\nContent-Type: message/{kind}\n\n{blocks}\n\n"
        f"--B/1\nContent-Type: {returned_type}\n\n{returned or our_headers()}\n\n--B/1--\n",
    )


def failed(status: str = "5.1.1", said: str = "", address: str = READER, more: str = "") -> str:
    diagnostic = f"\nDiagnostic-Code: smtp; {said}" if said else ""
    return f"Final-Recipient: rfc822; {address}\nAction: failed\nStatus: {status}{diagnostic}{more}"


POSTFIX = report(
    f"Final-Recipient: rfc822; {READER}\nOriginal-Recipient: rfc822;{READER}\nAction: failed\n"
    "Status: 5.1.1\nRemote-MTA: dns; mx.example.org\n"
    f"Diagnostic-Code: smtp; 550 5.1.1 <{READER}>: Recipient address rejected: User\n"
    "    unknown in local recipient table",
    mail_fields=(
        "Reporting-MTA: dns; mx.example.net\nX-Postfix-Queue-ID: 4ABC\n"
        f"X-Postfix-Sender: rfc822; {verp()}\nArrival-Date: {DATE}"
    ),
)
EXIM = report(
    f"Action: failed\nFinal-Recipient: rfc822;{READER}\nStatus: 5.0.0\n"
    "Remote-MTA: dns; mx.example.org\nDiagnostic-Code: smtp; 550 5.1.1 no such mailbox here",
    mail_fields="Reporting-MTA: dns; mx.example.net",
    returned_type="message/rfc822",
    returned=f"Return-path: <{verp()}>\n{our_headers()}\nThe words of the mail.\n",
    headers=f"X-Failed-Recipients: {READER}\n",
)
EXCHANGE = report(
    f"Final-Recipient: rfc822;{READER}\nAction: failed\nStatus: 5.1.10\n"
    "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by a look-up",
    mail_fields="Reporting-MTA: dns;EX01.corp.example\nReceived-From-MTA: dns;mx.example.net",
    returned_type="message/rfc822",
)
GMAIL = report(
    f"Final-Recipient: rfc822; {READER}\nAction: failed\nStatus: 5.1.1\n"
    "Remote-MTA: dns; mx.example.org. (192.0.2.7, the server for the domain.)\n"
    "Diagnostic-Code: smtp; 550-5.1.1 There is no account by that name. Check for\n"
    " 550-5.1.1 a slip of the pen, or for a blank.\n 550 5.1.1 - no such user\n"
    f"Last-Attempt-Date: {DATE}",
    headers=f"X-Failed-Recipients: {READER}\n",
)
DELAYED = report(
    f"Final-Recipient: rfc822; {READER}\nAction: delayed\nStatus: 4.4.1\n"
    "Diagnostic-Code: X-Postfix; connect to mx.example.org[192.0.2.7]:25: Connection timed out\n"
    "Will-Retry-Until: Sun, 08 Feb 2026 09:00:00 +0000",
)
EXPIRED = report(failed("4.4.1", "connect to mx.example.org: Connection timed out"))
ONE_BLOCK = report(
    mail_fields=f"Reporting-MTA: dns; mx.example.net\n{failed('5.2.1', '550 mailbox disabled')}"
)
GLOBAL = report(
    f"Final-Recipient: utf-8; {READER}\nAction: failed\nStatus: 5.1.1",
    kind="global-delivery-status",
)
IN_A_WRAPPER = mail(
    f"From: MAILER-DAEMON@mx.example.net\nTo: {verp()}\nDate: {DATE}\n"
    'Content-Type: multipart/mixed; boundary="outer"\n',
    '--outer\nContent-Type: multipart/report; boundary="B/1"\n\n'
    f"--B/1\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\n{failed()}\n\n"
    "--B/1--\n\n--outer\nContent-Type: text/plain\n\nA footer of some gateway.\n--outer--\n",
)
QMAIL = mail(
    f"From: MAILER-DAEMON@mx.example.net\nTo: {verp()}\nSubject: failure notice\nDate: {DATE}\n",
    "This is the mail system at mx.example.net. I gave up on this one, sorry.\n\n"
    f"<{READER}>:\n192.0.2.7 does not like recipient.\nRemote host said: 550 no mailbox here\n\n"
    f"--- A copy of the mail is below.\n\nReturn-Path: <{verp()}>\n{our_headers()}\nWords.\n",
)
OLD_EXIM = mail(
    f"From: Mail Delivery System <robot@mx.example.net>\nTo: {verp()}\nDate: {DATE}\n"
    f"X-Failed-Recipients: {READER}\nAuto-Submitted: auto-replied\n",
    "A mail that you sent could not be delivered.\n",
)
OUT_OF_OFFICE = mail(
    f"From: Ada Reader <{READER}>\nTo: {verp()}\nSubject: Away until Monday\nDate: {DATE}\n"
    "Auto-Submitted: auto-replied\nPrecedence: bulk\n",
    "I read mail again on Monday. In urgent cases, call 550 5.1.1.\n",
)
COMPLAINT = mail(
    "From: feedback@mailbox.example\nTo: abuse@news.example\nSubject: A complaint\n"
    f"Date: {DATE}\nMIME-Version: 1.0\n"
    'Content-Type: multipart/report; report-type=feedback-report; boundary="C"\n',
    "--C\nContent-Type: text/plain\n\nA reader reported this mail.\n\n"
    "--C\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: Loop/1\n"
    f"Version: 1\nOriginal-Mail-From: <{verp()}>\nArrival-Date: {DATE}\n\n"
    f"--C\nContent-Type: message/rfc822\n\n{our_headers()}\nThe words of the mail.\n\n--C--\n",
)
