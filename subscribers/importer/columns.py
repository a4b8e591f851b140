"""What a column of a list says about a reader's standing, by its name and its cells.

A column is of one of three kinds: its meaning is known, and its cells are read by it; it says
nothing about a standing; or its name is about leaving, and its cells can't be read. The function
`speaks_of_leaving` tells the last two apart, and is broad on purpose: a false alarm only stops an
import.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from subscribers.importer.refusal import Refusal


def names(text: str) -> frozenset[str]:
    """Return the names in a text, which are separated by blanks."""
    return frozenset(text.split())


_TRUE = frozenset({"true", "yes", "y", "t", "1", "on", "x", "ja", "wahr", "oui", "vrai"})
_FALSE = frozenset({"false", "no", "n", "f", "0", "off", "nein", "falsch", "non", "faux"})
_NOTHING = frozenset({"", "null", "none", "nil", "nan", "n/a", "-", "\\n"})
_MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    "|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
#: A date or a Unix time, and nothing else; not 1970, which is how a program writes "never".
_DAY = re.compile(
    rf"(?=.*(?<!\d)(?:19[89]\d|20\d\d)(?!\d))(?:[\d\s:./,+-]|(?:[tz]|utc|gmt|[ap]m|{_MONTH})(?![a-z]))+"
    r"|1\d{9}(?:\d{3})?"
)
_NEVER = re.compile(r"\A0000-00-00")

#: Words of services and of plain lists for a standing; `_word` turns blanks into "_".
WORDS: dict[str, Refusal | None] = {
    word: refusal
    for refusal, words in (
        (None, "subscribed active confirmed enabled regular opted_in premium free paid gifted"),
        (None, "trialed comped"),
        (Refusal.LEFT_THERE, "unsubscribed cancelled canceled inactive left removed archived"),
        (Refusal.LEFT_THERE, "disabled blocklisted blocked deleted opted_out opt_out"),
        (Refusal.PAUSED_THERE, "paused"),
        (Refusal.BOUNCED_THERE, "cleaned bounced undeliverable hard_bounce hard_bounced"),
        (Refusal.BOUNCED_THERE, "soft_bounced malformed"),
        (Refusal.COMPLAINED_THERE, "complained complaint spam spammy"),
        (Refusal.UNCONFIRMED_THERE, "pending unconfirmed unactivated validating invalid"),
        (Refusal.UNCONFIRMED_THERE, "transactional needs_approval needs_attention"),
        (Refusal.NO_CONSENT_THERE, "nonsubscribed non_subscribed not_subscribed never_subscribed"),
        (Refusal.SUPPRESSED_THERE, "blacklisted suppressed banned held"),
    )
    for word in words.split()
}


@dataclass(frozen=True)
class Meaning:
    """How one column's cells are read; of several columns the lowest rank is read first."""

    read: Callable[[str], Refusal | None]  #: gets a cell, trimmed and in lower case
    rank: int


def left_if_set(refusal: Refusal) -> Meaning:
    """Return the meaning that refuses for anything in the cell: a time, or a reason."""
    return Meaning(lambda cell: None if _is_empty(cell) or cell in _FALSE else refusal, 0)


def left_if_true(refusal: Refusal) -> Meaning:
    """Return the meaning that refuses for a yes or a date, and for what is neither yes nor no."""

    def read(cell: str) -> Refusal | None:
        if cell in _TRUE or _DAY.fullmatch(cell):
            return refusal
        return None if cell in _FALSE or _is_empty(cell) else Refusal.UNKNOWN_THERE

    return Meaning(read, 1)


def stays_if_true(refusal: Refusal) -> Meaning:
    """Return the meaning that accepts a yes or a date, and refuses anything else."""

    def read(cell: str) -> Refusal | None:
        if cell in _TRUE or _DAY.fullmatch(cell):
            return None
        return refusal if cell in _FALSE or _is_empty(cell) else Refusal.UNKNOWN_THERE

    return Meaning(read, 3)


def by_word(words: Mapping[str, Refusal | None] = WORDS) -> Meaning:
    """Return the meaning that reads a word for the standing, and refuses an unknown one or none."""
    return Meaning(lambda cell: words.get(_word(cell), Refusal.UNKNOWN_THERE), 2)


def by_word_and(**words: Refusal | None) -> Meaning:
    """Return the meaning that reads `WORDS` and some words of one service."""
    return by_word({**WORDS, **words})


def has_text(cell: str) -> bool:
    """Return whether a cell holds anything."""
    return not _is_empty(cell)


def key(name: str) -> str:
    """Return a column's name as it is compared: "opt_out" for "Opt-Out", "optOut", "OPT_OUT"."""
    text = "".join(
        c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf"
    )
    text = re.sub(r"(?<=[a-zß-ÿ])(?=[A-Z])", "_", text)
    return re.sub(r"[\W_]+", "_", text.casefold()).strip("_")


def speaks_of_leaving(key: str) -> bool:
    """Return whether a column of that name may say who left, bounced or never agreed."""
    plain = folded(key)
    return bool(_STEMS.search(plain.replace("_", "")) or TOKENS & set(plain.split("_")))


def _is_empty(cell: str) -> bool:
    return cell in _NOTHING or bool(_NEVER.match(cell))


def _word(cell: str) -> str:
    return re.sub(r"[\s_-]+", "_", cell)


#: Parts of words about leaving or agreeing, in the languages of most lists.
STEMS = names(
    "unsub subscri optin optout opted confirm clean bounce block black suppress status delet disab"
    " enabl remov cancel complain spam abuse consent permission marketing newsletter verif valid"
    " activ churn deliverab reject revok withdr exclu archiv paus donot gdpr dsgvo pending mailable"
    " contactable quarantin suspend forget forgot erase reachable expired expiration oppos"
    " reason allow enddate terminat"
    # German
    " abgemeld abmeld abbest angemeld anmeld ausgetrag austrag sperr gelosch loschung bestatig"
    " einwillig widerruf widerspr zustimm abonn kundig austritt rucktritt ausgeschl aktiv werbung"
    " zustellbar stornier beendet entfernt beschwerde erlaubt"
    # French
    " inscri supprim bloqu refus resili nepas neplus actif inacti efface plainte rgpd"
    # Spanish, Portuguese
    " suscri baja rebot estado elimin revoc noenvi rechaz queja borrad anulad autoriz"
    " descadast removid inativ recus denunci situac"
    # Italian, Dutch
    " iscri stato rimoss consens attiv disdett rifiut respint annullat opposiz uscit reclam"
    " uitgeschr afgemeld opzeg opgezeg verwijder actief mailen geweiger klacht toestem blokk"
    " beeindig"
    # Polish, Czech, Slovak, Swedish, Danish, Norwegian, Finnish, Hungarian, Romanian, Turkish
    " wypis rezygn zgoda usunie odhlas souhlas zrusen avregistr avanmal avsluta samtyck"
    " uppsag borttag afmeld avmeld utmeld slettet peruut perunut poistet leiratk lemond dezabon"
    " abonelik iptal"
    # Russian, Ukrainian, Greek, Chinese, Japanese, Korean
    " отпис відпис отказ статус подпис удал соглас διαγραφ απεγγραφ"
    " 退订 退訂 取消 状态 狀態 订阅 訂閱 退会 停止 解除 購読 구독 취소 해지 수신거부"
)
#: Words about leaving or agreeing only where they stand alone.
TOKENS = names(
    "opt out left gone ban banned held hold stop stopped dnc dnm exit exited quit ended end muted"
    " mute dead doi member ativo saiu radie npai stav"
)


def folded(text: str) -> str:
    """Return a text without its accents, case-folded."""
    return "".join(
        c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c)
    )


_STEMS = re.compile("|".join(sorted(map(folded, STEMS))))


def _all(text: str, meaning: Meaning) -> dict[str, Meaning]:
    return dict.fromkeys(names(text), meaning)


#: Columns that mean the same in every file, also in one of a service that isn't recognised.
KNOWN: dict[str, Meaning] = {
    **_all(
        "unsub_time unsub_campaign_title unsub_campaign_id unsub_reason unsub_reason_other"
        " unsubscribed_at unsubscribed_on unsubscribed_date unsubscribe_date unsubscribe_time"
        " unsubscribe_reason unsubscription_date unsubscription_reason opted_out_at opt_out_date"
        " opt_out_time opt_out_reason optout_date optout_time deleted_at left_at",
        left_if_set(Refusal.LEFT_THERE),
    ),
    **_all(
        "clean_time clean_campaign_title clean_campaign_id bounced_at bounced_on bounce_date"
        " hard_bounced_at undeliverability_date undeliverability_reason",
        left_if_set(Refusal.BOUNCED_THERE),
    ),
    **_all("complained_at complaint_date", left_if_set(Refusal.COMPLAINED_THERE)),
    **_all(
        "unsubscribed unsubscribe is_unsubscribed opt_out optout opted_out is_opted_out"
        " email_opt_out email_optout has_opted_out_of_email hs_email_optout email_disabled"
        " unsubscribed_from_all_email portal_unsubscribe do_not_email",
        left_if_true(Refusal.LEFT_THERE),
    ),
    **_all(
        "bounced is_bounced hard_bounced hard_bounce email_bounced is_email_bounced portal_bounce"
        " global_bounce",
        left_if_true(Refusal.BOUNCED_THERE),
    ),
    **_all("complained spam_complaint portal_spam_report", left_if_true(Refusal.COMPLAINED_THERE)),
    **_all(
        "blacklisted is_blacklisted blocklisted is_blocklisted email_blacklisted email_blocklisted"
        " suppressed is_suppressed",
        left_if_true(Refusal.SUPPRESSED_THERE),
    ),
    **_all(
        "status subscription_status subscriber_status email_status email_marketing_status"
        " list_status global_status",
        by_word(),
    ),
    **_all(
        "subscribed is_subscribed subscribed_to_emails email_subscribed",
        stays_if_true(Refusal.LEFT_THERE),
    ),
    **_all(
        "confirmed is_confirmed confirmed_at email_confirmed double_opt_in double_optin",
        stays_if_true(Refusal.UNCONFIRMED_THERE),
    ),
    **_all(
        "opt_in optin opted_in is_opted_in opted_in_at opt_in_date opt_in_time optin_date"
        " subscribed_at consent email_consent marketing_consent accepts_marketing"
        " accepts_email_marketing",
        stays_if_true(Refusal.NO_CONSENT_THERE),
    ),
}

#: Columns whose names contain such a word and say nothing about a standing.
HARMLESS = names(
    "member_rating"
    " optin_ip opt_in_ip confirm_ip confirmed_ip confirmation_ip subscribed_ip subscription_ip"
    " subscriber_id subscription_id"
    " digest_refused_line digest_refused_reason"  # of our own file of refused lines
)
