"""Hides how a mail's headers are written (RFC 5322, RFC 2047), and links in List-* whole."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy

from digest.mail.mailing import Content, Recipient, personalise


class _UnencodedListHeaders(EmailPolicy):
    """Writes URLs in List-* headers unencoded; RFC 2047 encoded words would break the links."""

    def fold(self, name: str, value: str) -> str:
        """Return a List-* header folded between two URLs only, any other header as usual."""
        if not _is_list_header(name, value):
            folded: str = super().fold(name, value)
            return folded
        return f"{name}: {value}".replace(", ", f",{self.linesep} ") + self.linesep

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return the folded header as bytes."""
        if not _is_list_header(name, value):
            return super().fold_binary(name, value)
        return self.fold(name, value).encode("ascii")


_POLICY = _UnencodedListHeaders(linesep="\r\n")


def headers_of(content: Content, recipient: Recipient) -> EmailMessage:
    """Return a mail without a body: the headers that content and recipient give it."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(content.sender.name, addr_spec=content.sender.address)
    if content.reply_to:
        mail["Reply-To"] = Address(content.reply_to.name, addr_spec=content.reply_to.address)
    mail["To"] = Address(addr_spec=recipient.address)
    subject = personalise(content.subject, recipient.parts)
    # Without this, the header decodes an encoded word, whose line end could begin another header.
    mail["Subject"] = subject.replace("=?", "=\u2060?")
    for name, value in {**content.headers, **recipient.headers}.items():
        mail[name] = value
    return mail


def header_lines(name: str, value: str) -> list[str]:
    """Return one header as lines, folded; raise `ValueError` for a line break in its value."""
    if len(value.splitlines()) > 1:
        raise ValueError(f"a line break in the header {name}")
    return _POLICY.fold(name, value).rstrip("\r\n").split("\r\n")


def _is_list_header(name: str, value: str) -> bool:
    return name.lower().startswith("list-") and value.isascii()
