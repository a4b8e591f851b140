"""Define every setting, and read it from the environment, ``.env`` or a file.

This module hides where a value comes from: a variable ``DIGEST_<NAME>``, a file named by
``DIGEST_<NAME>_FILE``, ``.env``, or the default, in this order.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from digest.errors import BadSetting
from subscribers.address import parse, parse_named, providers
from subscribers.errors import BadAddress

PREFIX = "DIGEST_"
ENV_FILE = Path(".env")
_HOST = "_SERVICE_HOST"  # ends the name by which Kubernetes tells every container of a service

#: Names with our prefix that are no settings, and who reads them.
SWITCHES = {
    "DIGEST_DEBUG": "the command line: prints a traceback instead of one line",
    "DIGEST_NO_SKIPS": "the tests: what is skipped is a failure",
    "DIGEST_SOAK": "the tests: a death at every step",
    "DIGEST_TEST_POSTGRES_URL": "the tests: a server of yours",
    "DIGEST_UPDATE_GOLDEN": "the tests: write the expected files anew",
}
#: Octets of a local part (RFC 5321, section 4.5.3.1.1) that a plus sign and a token leave.
MAX_BOUNCE_LOCAL = 12


class TransportKind(StrEnum):
    """The transports that can send a mailing."""

    OUTBOX = "outbox"  #: .eml files in a folder, for preview and tests
    SENDGRID = "sendgrid"  #: SendGrid's Mail Send v3
    SMTP = "smtp"  #: a mail server, of one's own or of a company's


class LogFormat(StrEnum):
    """How the service writes its log."""

    TEXT = "text"  #: lines for people
    JSON = "json"  #: one object a line


def _web_address(value: str, *, such_as: str = "https://news.example.com") -> str:
    try:
        parts = urlsplit(value)
    except ValueError:  # the library's message may quote the value
        raise ValueError(f"must look like {such_as}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"must look like {such_as}")
    _refuse_unreachable(parts, such_as.partition("://")[2])
    return value.rstrip("/")


def _provider_address(value: str) -> str:
    return _web_address(value, such_as="https://api.sendgrid.com")


def _refuse_unreachable(parts: SplitResult, host: str) -> None:
    """Raise `ValueError` for a host or a port that no connection can be made to."""
    try:
        (parts.hostname or "").encode("idna")
    except UnicodeError:
        raise ValueError(f"must have a host such as {host}") from None
    try:
        fits = parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("must have a port from 1 to 65535, or none")


def _site_address(value: str) -> str:
    base = _web_address(value)
    if re.search(r"[/\\?#\s]", base.partition("://")[2]):
        raise ValueError(
            "must be a host without a path or a query, such as"
            " https://news.example.com, because pages and links are at its root"
        )
    return base


def _mailbox(value: str) -> str:
    if parse_named(value) is None:
        raise ValueError(
            "must be one address, such as Weekly Verdicts <verdicts@example.com>; a name with a"
            ' comma stands in quotation marks: "Verdicts, weekly" <verdicts@example.com>'
        )
    return value


def _mailbox_or_none(value: str) -> str:
    return _mailbox(value) if value else ""


def _address(value: str) -> str:
    try:
        return parse(value).wire if value else ""
    except BadAddress:
        raise ValueError("must be an address, such as name@example.com") from None


def _addresses(value: str) -> str:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    try:
        parsed = [parse(text) for text in parts]
    except BadAddress:
        raise ValueError("must be addresses, comma-separated") from None
    return ",".join({address.key: address.wire for address in reversed(parsed)}.values())


def _bounce_address(value: str) -> str:
    address = _address(value)
    if len(address.partition("@")[0]) > MAX_BOUNCE_LOCAL:
        raise ValueError(
            f"must have at most {MAX_BOUNCE_LOCAL} characters before the @: each mail adds up to"
            " 52, and 64 are allowed"
        )
    return address


def _hourly_limits(value: str) -> str:
    limits: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        domain, _, number = (each.strip() for each in part.partition("="))
        if not re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9-]+", domain.lower()) or not number.isdecimal():
            raise ValueError("must look like gmail.com=5000,yahoo.com=2000")
        if int(number) < 1:
            raise ValueError("must have limits of at least 1; leave out a domain that has none")
        whose = providers().get(domain.lower())
        for other in limits:
            if other == domain.lower() or (whose and whose == providers().get(other)):
                raise ValueError(f"must name {whose.name if whose else other} once")
        limits[domain.lower()] = int(number)
    return ",".join(f"{domain}={limit}" for domain, limit in limits.items())


def _networks(value: str) -> str:
    for part in filter(None, (part.strip() for part in value.split(","))):
        try:
            ip_network(part)
        except ValueError:
            raise ValueError("must be networks, such as 10.0.0.0/8,fd00::/8") from None
    return value


HourlyLimits = Annotated[str, AfterValidator(_hourly_limits)]
ProviderAddress = Annotated[str, AfterValidator(_provider_address)]
SiteAddress = Annotated[str, AfterValidator(_site_address)]
MailAddress = Annotated[str, AfterValidator(_address)]
MailAddresses = Annotated[str, AfterValidator(_addresses)]


class Settings(BaseSettings):
    """The settings of one installation; each variable carries the prefix ``DIGEST_``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: str = Field("sqlite:///digest.db", description="The URL of the database.")
    transport: TransportKind = Field(TransportKind.OUTBOX, description="How mail is sent.")
    outbox: Path = Field(
        Path("outbox"), description="The folder that the outbox transport writes to."
    )
    sendgrid_api_key: SecretStr | None = Field(
        None, description="The API key, with the permission Mail Send."
    )
    sendgrid_url: ProviderAddress = Field(
        "https://api.sendgrid.com",
        description="The URL of the provider's API; in tests, the fake's.",
    )
    sendgrid_timeout: float = Field(
        60.0, gt=0, le=600, description="The time limit for a request and its answer, in seconds."
    )
    smtp_host: str = Field(
        "", description="The SMTP relay's host: the mail server that takes your mail."
    )
    smtp_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="The relay's port; 0 is the usual one: 587 with starttls, 465 with tls, 25 with"
        " none.",
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to the relay is encrypted."
    )
    smtp_user: str = Field("", description="The user at the relay; empty for no login.")
    smtp_password: SecretStr | None = Field(None, description="The password at the relay.")
    smtp_timeout: float = Field(
        300.0, gt=0, le=900, description="The time limit for one request by SMTP, in seconds."
    )
    smtp_company: str = Field(
        "",
        description="The company that runs the relay, with its country, for the privacy page; empty"
        " if the relay is yours.",
    )
    dkim_selector: str = Field(
        "", description="The selector of your DKIM key, if Digest signs what goes out by SMTP."
    )
    dkim_key: SecretStr | None = Field(
        None, description="The private key, RSA in PEM; a file is best: DIGEST_DKIM_KEY_FILE."
    )
    webhook_keys: str = Field(
        "", description="The public keys of the event webhook, base64 DER, comma-separated."
    )
    webhook_keys_file: Path | None = Field(
        None, description="A file with those keys; Digest reads it again when it changes."
    )
    bounce_address: Annotated[str, AfterValidator(_bounce_address)] = Field(
        "", description="The address that SMTP bounces come back to; each mail adds its own +TOKEN."
    )
    bounce_mailbox: Path | None = Field(
        None,
        description="The Maildir or mbox where those bounces arrive; Digest empties it.",
    )
    templates: Path = Field(
        Path("templates"),
        description="The folder of your own templates, with email/ and web/; may be missing.",
    )
    secret: SecretStr | None = Field(
        None, description="Signs the links in mails; at least 32 characters."
    )
    old_secrets: SecretStr | None = Field(
        None, description="Earlier secrets, comma-separated: links made with them keep working."
    )
    leaked_secrets: SecretStr | None = Field(
        None, description="Earlier secrets that others may know: links made with them stop working."
    )
    base_url: SiteAddress = Field(
        "http://localhost:8000", description="The public URL of the site; a host without a path."
    )
    comparisons_public: Literal["import", "issue"] = Field(
        "import",
        description="When a comparison can be seen and found on the site: from its own day on, or"
        " from its import where it has none; or only from the issue that carries it.",
    )
    hosts: str = Field(
        "", description="The host names that the site answers to, comma-separated; empty for any."
    )
    allowed_networks: Annotated[str, AfterValidator(_networks)] = Field(
        "",
        description="Networks of your own that sources and webhooks may reach, comma-separated;"
        " without one, they reach public addresses only.",
    )
    source_minutes: int = Field(
        60, ge=5, le=10_080, description="Minutes between two polls of a source."
    )
    source_pages: int = Field(
        500,
        ge=1,
        le=5_000,
        description="The most pages of a source that one poll asks for; the next one goes on.",
    )
    trusted_proxies: str = Field(
        "",
        description="Your own proxies' networks, comma-separated; only they may name a visitor.",
    )
    keep_network: Literal["none", "prefix", "full"] = Field(
        "prefix", description="What Digest stores about a sign-up's network: none, prefix or full."
    )
    disposable_domains: Path | None = Field(
        None, description="A file of disposable domains, one per line; their addresses are refused."
    )
    proof_of_work: int = Field(
        0,
        ge=0,
        le=10_000_000,
        description="The browser's calculation at sign-up; 0 is none, 50000 about a second.",
    )
    proof_over_cap: int = Field(
        500_000,
        ge=0,
        le=10_000_000,
        description="The size of the calculation above a sign-up limit; 0 turns visitors away.",
    )
    sign_ups_per_network: int = Field(
        20, ge=1, description="Sign-ups per hour from one network; more are turned away."
    )
    sign_ups_per_domain: int = Field(
        30, ge=1, description="Sign-ups per hour for one domain; more need the longer calculation."
    )
    sign_ups_per_provider: int = Field(
        600, ge=1, description="The same for a large mailbox provider's domain."
    )
    sign_ups_in_all: int = Field(
        3000, ge=1, description="Sign-ups per hour in total; more need the longer calculation."
    )
    letters_per_day: int = Field(
        3, ge=1, description="Letters per day that sign-ups can cause to one mailbox."
    )
    letters_per_month: int = Field(8, ge=1, description="The same in 30 days.")
    embed_origins: str = Field(
        "", description="The sites that may embed the sign-up form in a frame, comma-separated."
    )
    leave_mailto: MailAddress = Field(
        "", description="An address of yours that readers can write to in order to unsubscribe."
    )
    vote_days: int = Field(60, ge=1, description="Days until a link to vote expires.")
    votes_shown_from: int = Field(
        5, ge=1, description="The number of votes from which readers' share is shown."
    )
    votes_of_erased: Literal["keep", "remove"] = Field(
        "keep",
        description="What becomes of the votes of an erased reader: keep them without a person, or"
        " remove them.",
    )
    scanner_networks: Path | None = Field(
        None,
        description="A file of networks that scan mail, one per line; votes from them never count.",
    )
    pending_days: int = Field(7, ge=2, description="Days until an unconfirmed sign-up is deleted.")
    network_days: int = Field(
        90, ge=0, description="Days until the networks of sign-ups are deleted."
    )
    evidence_days: int = Field(
        1095,
        ge=30,
        description="Days until the address and consent of a reader who left are deleted.",
    )
    link_hours: int = Field(48, ge=1, description="Hours until a confirmation link expires.")
    sender: Annotated[str, AfterValidator(_mailbox)] = Field(
        "Weekly AI Tool Verdicts <verdicts@example.com>",
        validation_alias="DIGEST_FROM",
        description="The sender, as Name <address>.",
    )
    reply_to: Annotated[str, AfterValidator(_mailbox_or_none)] = Field(
        "", description="The reply-to address, as Name <address>; empty for the sender's."
    )
    postal_address: str = Field(
        "", description="The sender's postal address, which the law requires."
    )
    spool: Path | None = Field(
        None,
        description="The folder for events waiting to be applied; by default, beside the database.",
    )
    spool_megabytes: int = Field(
        2048,
        ge=1,
        description="The spool's maximum size, in megabytes; above it, the provider waits.",
    )
    keep_events_days: int = Field(
        400, ge=30, description="Days until an issue's events are pruned; its counts stay."
    )
    editors: MailAddresses = Field(
        "", description="The addresses that get drafts and reminders, comma-separated."
    )
    backups: Path = Field(Path("backups"), description="The folder for copies of the database.")
    backups_kept: int = Field(
        7, ge=0, description="The number of daily copies to keep; 0 makes none (SQLite only)."
    )
    epoch_file: Path | None = Field(
        None, description="The file that names the last requests; by default, beside the database."
    )
    log: LogFormat = Field(
        LogFormat.TEXT, description="The log format of `digest run`: text or json."
    )
    metrics_token: SecretStr | None = Field(
        None, description="The token for /metrics; without one, only this machine has access."
    )
    api_requests_per_token: int = Field(
        600,
        ge=0,
        description="API requests a minute with one token, in each process; 0 is no limit.",
    )
    api_requests_per_network: int = Field(
        300,
        ge=0,
        description="API requests a minute without a token from one network, in each process; 0 is"
        " no limit.",
    )
    api_origins: str = Field(
        "",
        description="The sites whose pages may call the API from a browser, comma-separated, such"
        " as https://www.example.com; empty for none.",
    )
    concurrency: int = Field(
        8, ge=1, le=64, description="The most batches to send at once; a slow provider gets fewer."
    )
    batch_size: int = Field(
        1000,
        ge=1,
        le=1000,
        description="The number of readers in one request; with SMTP, 10 unless you set it.",
    )
    grace: float = Field(
        30.0,
        ge=0,
        le=3600,
        description="Seconds for requests under way to finish after a stop signal.",
    )
    canary: MailAddress = Field(
        "",
        description="An address of yours that gets each issue too; its events prove the webhook.",
    )
    max_per_hour: int = Field(
        0, ge=0, description="The most readers an hour, over all machines; 0 is no limit."
    )
    max_per_hour_by_domain: HourlyLimits = Field(
        "",
        description="The same for each mailbox provider, such as gmail.com=5000,yahoo.com=2000;"
        " all domains of a provider count together.",
    )
    max_requests: int = Field(
        0,
        ge=0,
        description="The most batches under way at once, over all machines; 0 is no limit.",
    )
    first_wave: int = Field(
        0,
        ge=0,
        description=(
            "How many readers, drawn at random, get an issue first; 0 sends to everyone at once."
        ),
    )
    first_wave_minutes: int = Field(
        30, ge=0, description="Minutes that the rest waits for the first wave's events."
    )
    first_wave_bounced: float = Field(
        0.05, gt=0, le=1, description="The share of the first wave that may bounce."
    )
    first_wave_complained: float = Field(
        0.003, gt=0, le=1, description="The share of the first wave that may complain."
    )

    def webhook_key_list(self) -> list[str]:
        """Return the event webhook's public keys, the newest first.

        A key file is read on each call. Raises `BadSetting` where it can't be read.
        """
        keys = self.webhook_keys
        if self.webhook_keys_file is not None:
            try:
                keys = self.webhook_keys_file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as fault:
                why = f"the file can't be read: {type(fault).__name__}"
                raise BadSetting(f"DIGEST_WEBHOOK_KEYS_FILE: {why}") from None
        return [key.strip() for key in keys.replace("\n", ",").split(",") if key.strip()]

    def allowed_network_list(self) -> list[IPv4Network | IPv6Network]:
        """Return the networks that requests to other servers may reach, apart from public ones."""
        parts = (part.strip() for part in self.allowed_networks.split(","))
        return [ip_network(part) for part in parts if part]

    def hourly_limits(self) -> dict[str, int]:
        """Return the limits an hour by domain, of which each provider has one at most."""
        parts = (part.partition("=") for part in self.max_per_hour_by_domain.split(",") if part)
        return {domain: int(limit) for domain, _, limit in parts}

    def editor_list(self) -> list[str]:
        """Return the editors' addresses."""
        return [part.strip() for part in self.editors.split(",") if part.strip()]


def load(env: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from *env* (default: the process's environment) and ``.env``.

    *overrides* win over both, unless they are ``None``. Any setting may come from the file named by
    ``DIGEST_<NAME>_FILE``. Raises `BadSetting` with every fault in words.
    """
    variables = os.environ if env is None else env
    in_file = values_in_file()
    _refuse_unknown(variables, in_file)
    # A file named in .env counts too, unless the value itself is given in either place.
    values: dict[str, Any] = {
        **_from_files({**in_file, **variables}),
        **_from_files(variables),
    }
    values.update({key: value for key, value in overrides.items() if value is not None})
    try:
        return Settings(**values)
    except ValidationError as fault:
        raise BadSetting(_in_words(fault)) from None


def by_init_name(values: Mapping[str, str]) -> dict[str, Any]:
    """Return settings by variable as the overrides that `load` takes."""
    names = {variable_of(name): name for name in Settings.model_fields}
    fields = {variable: Settings.model_fields[name] for variable, name in names.items()}
    return {str(fields[v].validation_alias or names[v]): value for v, value in values.items()}


def variable_of(name: str) -> str:
    """Return the environment variable that a setting is read from."""
    return str(Settings.model_fields[name].validation_alias or f"{PREFIX}{name.upper()}")


def values_in_file() -> dict[str, str]:
    """Return the values in .env by variable, in capitals; raises `BadSetting` for a faulty file."""
    unread = _UnreadLines()
    parser = logging.getLogger("dotenv.main")  # which only logs the lines it can't read
    parser.addFilter(unread)
    try:
        variables = DotEnvSettingsSource(Settings).env_vars
    except UnicodeDecodeError:
        step = "save it as UTF-8"
        raise BadSetting(f"{ENV_FILE} isn't text in UTF-8", next_step=step) from None
    finally:
        parser.removeFilter(unread)
    if unread.lines:
        raise BadSetting(
            f"{ENV_FILE}, line {unread.lines[0]}: isn't a setting",
            next_step="write NAME=value, or put # in front",
        )
    return {name.upper(): value or "" for name, value in variables.items()}


class _UnreadLines(logging.Filter):
    """Collects the line numbers of a parser's warnings, and keeps them from being printed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Any] = []

    def filter(self, record: logging.LogRecord) -> bool:
        self.lines += record.args if isinstance(record.args, tuple) else ["?"]
        return False


def _refuse_unknown(variables: Mapping[str, str], in_file: Iterable[str]) -> None:
    """Raise `BadSetting` for every name that begins as a setting's does and is none."""
    known = [variable_of(name) for name in Settings.model_fields]
    known += [f"{name}_FILE" for name in known]
    given = {name for name in {*variables, *in_file} if name.startswith(PREFIX)}
    unknown = given - {*known, *SWITCHES} - _of_kubernetes(variables)
    if unknown:
        words = [_unknown_in_words(name, known) for name in sorted(unknown)]
        raise BadSetting("; ".join(words), next_step="digest docs settings lists them all")


def _unknown_in_words(name: str, known: list[str]) -> str:
    bare = {variable.removeprefix(PREFIX): variable for variable in known}
    near = get_close_matches(name.removeprefix(PREFIX), bare, n=1)
    question = f"; did you mean {bare[near[0]]}?" if near else ""
    return f"{name} is not a setting{question}"


def _of_kubernetes(variables: Mapping[str, str]) -> set[str]:
    """Return the names that Kubernetes sets for services whose names begin with "digest"."""
    services = [name.removesuffix(_HOST) for name in variables if name.endswith(_HOST)]
    starts = tuple(f"{service}_{kind}" for service in services for kind in ("SERVICE_", "PORT"))
    return {name for name in variables if name.startswith(starts)}


def _from_files(env: Mapping[str, str]) -> Mapping[str, str]:
    """Return the values of settings whose ``…_FILE`` variable is set; raises `BadSetting`."""
    values: dict[str, str] = {}
    for name, setting in Settings.model_fields.items():
        variable = f"{variable_of(name)}_FILE"
        if variable not in env or variable_of(name) in env:
            continue
        try:
            values[str(setting.validation_alias or name)] = (
                Path(env[variable]).read_text(encoding="utf-8").strip()
            )
        except OSError as fault:
            raise BadSetting(f"{variable}: the file can't be read: {fault.strerror}") from None
        except UnicodeDecodeError:
            raise BadSetting(f"{variable}: the file isn't text in UTF-8") from None
    return values


def _in_words(fault: ValidationError) -> str:
    """Say in our own words what each wrong setting must be; a number is repeated, no text is."""
    lines = []
    for error in fault.errors(include_url=False, include_context=False):
        name = str(error["loc"][0]) if error["loc"] else ""
        [field] = [each for each in Settings.model_fields if name in {each, variable_of(each)}]
        if error["type"] == "value_error":
            says = error["msg"].removeprefix("Value error, ")
        else:
            says = f"must be {_requirement(field)}"
        if Settings.model_fields[field].annotation in {int, float}:
            says += _number_given(error["input"])
        lines.append(f"{variable_of(field)} {says}")
    return "; ".join(lines)


def _requirement(name: str) -> str:
    """Return what a setting's value must be: "a whole number from 1 to 1000"."""
    field = Settings.model_fields[name]
    kind = field.annotation
    if kind in {int, float}:
        return ("a whole number" if kind is int else "a number") + _bounds_in_words(field.metadata)
    choices = [*kind] if isinstance(kind, type) and issubclass(kind, StrEnum) else get_args(kind)
    named = [str(choice) for choice in choices if isinstance(choice, str)]
    return f"{', '.join(named[:-1])} or {named[-1]}" if named else "a text"


def _bounds_in_words(limits: list[Any]) -> str:
    low, above, high = (
        next((getattr(limit, name) for limit in limits if hasattr(limit, name)), None)
        for name in ("ge", "gt", "le")
    )
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if above is not None:
        return f" above {above}" + (f" and up to {high}" if high is not None else "")
    return f", {low} or more" if low is not None else ""


def _number_given(value: Any) -> str:
    number = re.fullmatch(r"\s*([-+]?\d{1,20}(?:\.\d{1,20})?)\s*", str(value), re.ASCII)
    return f"; it is {number[1]}" if number else ""
