"""Which columns the export of each newsletter service has, and what they mean there.

Each entry names its source: the service's documentation, its code where that is open, or exports
its users have published. A column that means the same everywhere is in `columns.KNOWN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from subscribers.importer.columns import Meaning, by_word, by_word_and, left_if_set, names
from subscribers.importer.refusal import Refusal


@dataclass(frozen=True, kw_only=True)
class Service:
    """The columns of one service's export; the names are in the form of `columns.key`."""

    name: str
    columns: frozenset[str]  #: a header with all of these is this service's
    standing_columns: frozenset[str]  #: one of these must be there, to tell who left
    own: Mapping[str, Meaning] = field(default_factory=dict)
    harmless: frozenset[str] = frozenset()  #: names about subscribing that don't tell who left
    note: str = ""  #: what its exports can't tell, for the report
    answered_by: str | None = None  #: a column whose presence makes the note needless

    def writes(self, names: frozenset[str]) -> bool:
        """Return whether a header is this service's."""
        return self.columns <= names


def _by_suppression() -> Meaning:
    refusals = {
        "": None,
        "hard_bounce": Refusal.BOUNCED_THERE,
        "complaint": Refusal.COMPLAINED_THERE,
        "erased": Refusal.LEFT_THERE,
    }
    word = by_word(refusals)
    return Meaning(lambda cell: _or_suppressed(word.read(cell)), 0)


def _or_suppressed(refusal: Refusal | None) -> Refusal | None:
    return Refusal.SUPPRESSED_THERE if refusal is Refusal.UNKNOWN_THERE else refusal


SERVICES = (
    Service(
        name="Digest",  # subscribers.export.COLUMNS
        columns=names("email status suppressed source since"),
        standing_columns=names("status"),
        own={"suppressed": _by_suppression()},
    ),
    Service(
        # Four files with the same columns, as users publish them: MEMBER_RATING, OPTIN_TIME,
        # OPTIN_IP, CONFIRM_TIME, CONFIRM_IP, ... LAST_CHANGED, LEID, EUID, NOTES, TAGS; before LEID
        # the unsubscribed one has UNSUB_TIME, UNSUB_CAMPAIGN_TITLE, UNSUB_CAMPAIGN_ID,
        # UNSUB_REASON, UNSUB_REASON_OTHER, and the cleaned one CLEAN_TIME, CLEAN_CAMPAIGN_TITLE,
        # CLEAN_CAMPAIGN_ID. A subscribed contact has an OPTIN_TIME, or only a CONFIRM_TIME.
        name="Mailchimp",
        columns=names("email_address leid euid"),
        standing_columns=names("optin_time confirm_time unsub_time clean_time status"),
        harmless=names("sms_marketing_status"),
    ),
    Service(
        # email_list.NAME.csv: email, active_subscription, expiry, plan, email_disabled,
        # created_at, first_payment_at (TryGhost/migrate, packages/mg-substack, reads it).
        # active_subscription is whether one pays.
        name="Substack",
        columns=names("email active_subscription"),
        standing_columns=names("email_disabled"),
        harmless=names("active_subscription"),
    ),
    Service(
        # TryGhost/Ghost, members-csv unparse: id, email, name, note, subscribed_to_emails,
        # complimentary_plan, stripe_customer_id, created_at, deleted_at, labels, tiers.
        name="Ghost",
        columns=names("email subscribed_to_emails deleted_at"),
        standing_columns=names("subscribed_to_emails"),
    ),
    Service(
        # The fields of the API's subscriber (docs.buttondown.com/api-subscribers-introduction) and
        # its types (api-subscribers-type). Who doesn't pay any more, or not yet, still gets mail,
        # and "paused" is the payment too. There is an export of unsubscribers of its own.
        name="Buttondown",
        columns=names("email_address creation_date"),
        standing_columns=names("type status"),
        own={
            column: by_word_and(
                churned=None,
                churning=None,
                past_due=None,
                unpaid=None,
                upcoming=None,
                paused=None,
                disposable=Refusal.SUPPRESSED_THERE,
            )
            for column in ("type", "status")
        },
        harmless=names("subscription_date churn_date"),
    ),
    Service(
        # knadh/listmonk, cmd/subscribers.go: uuid, email, name, attributes, status, created_at,
        # updated_at. The status is that of the reader, whatever the list (issue 2855 there).
        name="listmonk",
        columns=names("uuid email attributes status"),
        standing_columns=names("status"),
        answered_by="subscription_status",
        note=(
            "listmonk's status is one for all of its lists: who left a single list is"
            ' "enabled" in this file all the same. Unless you exported the list\'s confirmed'
            " subscribers only (its page with ?subscription_status=confirmed), readers who left"
            " are among those counted as subscribed"
        ),
    ),
    Service(
        # beehiiv.com/newsletter-glossary/subscriber-status: active, inactive, pending, needs
        # approval; the API's subscription has the same fields and "validating", "invalid".
        name="beehiiv",
        columns=names("email status utm_source"),
        standing_columns=names("status"),
        harmless=names(
            "subscription_tier subscription_premium_tier_names subscription_premium_tiers"
        ),
    ),
    Service(
        # help.convertkit.com, 2502651: confirmed, unconfirmed, cancelled, complained, bounced,
        # cold. Its files have "state" or "status" for the column.
        name="Kit",
        columns=names("first_name email created_at state"),
        standing_columns=names("state"),
        own={"state": by_word()},
    ),
    Service(
        name="Kit",
        columns=names("first_name email created_at status"),
        standing_columns=names("status"),
    ),
    Service(
        # mailpoet/mailpoet, lib/Subscribers/ImportExport/ImportExportFactory.php: Email, First
        # name, Last name, List status, Global status, Subscription IP, Subscription time,
        # Confirmation time, Confirmation IP; Export.php adds List, and a line for each list.
        name="MailPoet",
        columns=names("email list_status"),
        standing_columns=names("list_status"),
        harmless=names("subscription_time confirmation_time"),
        note=(
            "MailPoet writes one line for each list a reader is on, and who left any of them stays"
            " out: export only the list whose readers agreed to this newsletter"
        ),
    ),
    Service(
        name="MailPoet",
        columns=names("email global_status"),
        standing_columns=names("list_status"),
    ),
    Service(
        # Names of properties as HubSpot shows them: Record ID, First Name, Last Name, Email, Lead
        # Status, Last Activity Date, Marketing contact status, Unsubscribed from all email
        # (hs_email_optout), "Opted out of email: TYPE". Which of them a file has is chosen in its
        # view. The file of unsubscribes and bounces has Portal Bounce, Portal Unsubscribe, Portal
        # Spam Report, Global Bounce (knowledge.hubspot.com).
        name="HubSpot",
        columns=names("email record_id"),
        standing_columns=names("unsubscribed_from_all_email"),
        own={
            "marketing_contact_status": by_word(
                {"marketing_contact": None, "non_marketing_contact": Refusal.SUPPRESSED_THERE}
            ),
            "email_hard_bounce_reason": left_if_set(Refusal.BOUNCED_THERE),
        },
        harmless=names("lead_status last_activity_date next_activity_date"),
    ),
    Service(
        # developers.brevo.com/reference/request-contact-export: EMAIL, ADDED_TIME and
        # MODIFIED_TIME stand in every file; the status of the subscription only where one asks
        # for it (exportSubscriptionStatus). EMAIL_BLACKLISTED after the API's emailBlacklisted.
        name="Brevo",
        columns=names("email added_time modified_time"),
        standing_columns=names("email_blacklisted email_blocklisted email_marketing"),
        own={"email_marketing": by_word()},
        harmless=names("sms_blacklisted sms_blocklisted sms_marketing whatsapp_blacklisted"),
    ),
)
