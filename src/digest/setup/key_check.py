"""Hides how access to a provider is tried: it judges a mail to the sender, and sends nothing."""

from __future__ import annotations

from digest.doctor import CheckResult, fine, refused, warning
from digest.errors import BadSetting
from digest.mail.mailing import Content, Mailbox, Mailing, Recipient
from digest.mail.provider import Provider
from digest.mail.transport import Accepted, Halted, Refused

_WORDS = "A test by digest setup: this mail is checked and never sent."


def check_key(provider: Provider, sender: Mailbox) -> CheckResult:
    """Return whether the provider would take mail from *sender*; makes one request."""
    about = provider.access
    mailing = Mailing(
        content=Content(subject=_WORDS, html=f"<p>{_WORDS}</p>", text=_WORDS, sender=sender),
        recipients=[Recipient("setup", sender.address, {}, {})],
    )
    try:
        answer = provider.dry_run(mailing)
    except BadSetting as fault:
        return refused(about, str(fault), fault.next_step or "")
    match answer:
        case Accepted():
            return fine(about, "the provider accepts a mail (checked, not sent)")
        case Halted():
            return refused(about, answer.detail, _NEXT.get(answer.status or 0, _OTHERWISE))
        case Refused():
            return refused(about, f"the provider refuses the mail: {answer.detail}", _OTHERWISE)
    return warning(
        about, f"it couldn't be tested: {answer.detail}", "once that is mended: digest setup"
    )


_OTHERWISE = "correct what the answer is about, then: digest setup"
_NEXT = {
    401: "create a key at the provider (Settings, API Keys), then: digest setup",
    403: (
        "give the key the right Mail Send (Settings, API Keys), or authenticate the sender's"
        " domain (Settings, Sender Authentication); then: digest setup"
    ),
    451: "set DIGEST_SENDGRID_URL to your account's region, then: digest setup",
}
