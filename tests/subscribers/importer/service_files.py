"""Exports of other services, as files: their columns, and readers who are made up.

The headers are those that the services document or write; `subscribers.importer.service_exports`
names the source of each.
"""

from __future__ import annotations

from typing import NamedTuple


class Sample(NamedTuple):
    name: str  #: of the file
    layout: str
    lines: list[str]
    standings: dict[str, int]


MAILCHIMP = (
    "Email Address,First Name,Last Name,SMS Phone Number,SMS_MARKETING_STATUS,MEMBER_RATING,"
    "OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,"
    "REGION,LAST_CHANGED{},LEID,EUID,NOTES,TAGS"
)
UNSUBSCRIBED = ",UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER"
CLEANED = ",CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID"


def member(address: str, optin: str = "", confirm: str = "", more: str = "") -> str:
    return (
        f"{address},Ann,Doe,,Non-subscribed,2,{optin},,{confirm},203.0.113.7,,,,,,us,ca,"
        f'"2026-04-04 10:00:00"{more},623251270,4c2de1441f,,"""Autumn"",""Sale"""'
    )


BUTTONDOWN = (
    "regular premium gifted trialed churned churning past_due paused unpaid upcoming unactivated"
    " unsubscribed removed blocked complained undeliverable disposable"
)
TIME = '"2024-06-25 09:26:27"'
SAMPLES = [
    Sample(
        "subscribed_email_audience_export_a6140fbbfe.csv",
        "Mailchimp",
        [
            MAILCHIMP.format(""),
            member("stays@example.com", TIME, TIME),
            member("imported@example.com", confirm=TIME),
        ],
        {"subscribed": 2},
    ),
    Sample(
        "left.csv",  # under its own name it isn't even read
        "Mailchimp",
        [
            MAILCHIMP.format(UNSUBSCRIBED),
            member("left@example.com", TIME, TIME, f",{TIME},Autumn,1234,NORMAL,"),
            member("admin@example.com", TIME, TIME, ',,,,"N/A (Unsubscribed by an admin)",'),
        ],
        {"unsubscribed": 2},
    ),
    Sample(
        "bad.csv",
        "Mailchimp",
        [MAILCHIMP.format(CLEANED), member("bad@example.com", TIME, TIME, f",{TIME},Autumn,1234")],
        {"bounced": 1},
    ),
    Sample(
        "others.csv",
        "Mailchimp",
        [MAILCHIMP.format(""), member("shop@example.com"), member("other@example.com")],
        {"no consent": 2},
    ),
    Sample(
        "email_list.example.csv",
        "Substack",
        [
            "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at",
            "stays@example.com,false,,other,false,2025-01-01T00:00:00.000Z,",
            "pays@example.com,true,2027-01-01T00:00:00.000Z,yearly,false,2025-01-01,2025-01-02",
            "left@example.com,false,,other,true,2025-03-01T00:00:00.000Z,",
        ],
        {"subscribed": 2, "unsubscribed": 1},
    ),
    Sample(
        "members.csv",
        "Ghost",
        [
            "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,"
            "created_at,deleted_at,labels,tiers,gift_id",
            "1,stays@example.com,Ann,,true,,,2024-01-15T10:00:00.000Z,,,Free,",
            "2,left@example.com,Ben,,false,,,2024-01-15T10:00:00.000Z,,,Free,",
        ],
        {"subscribed": 1, "unsubscribed": 1},
    ),
    Sample(
        "subscribers.csv",
        "Buttondown",
        [
            "id,creation_date,email_address,notes,metadata,tags,type,source,referrer_url,"
            "unsubscription_date,unsubscription_reason,undeliverability_date,"
            "undeliverability_reason,churn_date,upgrade_date",
            *(
                f"{n},2024-01-01,{type_}@example.com,,{{}},,{type_},form,,,,,,2025-01-01,"
                for n, type_ in enumerate(BUTTONDOWN.split())
            ),
            "18,2024-01-01,late@example.com,,{},,regular,form,,2025-02-03,,,,,",
        ],
        {"subscribed": 10, "pending": 1, "unsubscribed": 4, "complained": 1, "bounced": 1}
        | {"suppressed": 1},
    ),
    Sample(
        "subscribers.csv",
        "listmonk",
        [
            "uuid,email,name,attributes,status,created_at,updated_at",
            'u1,stays@example.com,A,"{""city"": ""Ulm""}",enabled,2024-01-01,2024-01-01',
            "u2,off@example.com,B,{},disabled,2024-01-01,2024-01-01",
            "u3,blocked@example.com,C,{},blocklisted,2024-01-01,2024-01-01",
        ],
        {"subscribed": 1, "unsubscribed": 2},
    ),
    Sample(
        "export.csv",
        "beehiiv",
        [
            "id,email,status,created,subscription_tier,subscription_premium_tier_names,utm_source,"
            "utm_medium,utm_channel,utm_campaign,referring_site,referral_code",
            "1,stays@example.com,active,2024-01-01,free,,x,y,,,,",
            "2,left@example.com,inactive,2024-01-01,free,,x,y,,,,",
            "3,new@example.com,pending,2024-01-01,free,,x,y,,,,",
            "4,asks@example.com,Needs Approval,2024-01-01,free,,x,y,,,,",
        ],
        {"subscribed": 1, "unsubscribed": 1, "pending": 2},
    ),
    Sample(
        "subscribers.csv",
        "Kit",
        [
            "first_name,email,created_at,status,tags",
            "A,stays@example.com,2024-01-01 10:00:00 UTC,confirmed,",
            "B,new@example.com,2024-01-01 10:00:00 UTC,unconfirmed,",
            "C,left@example.com,2024-01-01 10:00:00 UTC,cancelled,",
            "D,angry@example.com,2024-01-01 10:00:00 UTC,complained,",
            "E,bad@example.com,2024-01-01 10:00:00 UTC,bounced,",
        ],
        {"subscribed": 1, "pending": 1, "unsubscribed": 1, "complained": 1, "bounced": 1},
    ),
    Sample(
        "MailPoet_export_abc.csv",
        "MailPoet",
        [
            '\ufeff"Email","First name","Last name","List status","Global status",'
            '"Subscription IP","Subscription time","Confirmation time","Confirmation IP","List"',
            '"stays@example.com","A","","subscribed","subscribed","","2024-01-01","","","Weekly"',
            '"left@example.com","B","","unsubscribed","subscribed","","2024-01-01","","","Weekly"',
            '"gone@example.com","C","","subscribed","unsubscribed","","2024-01-01","","","Weekly"',
            '"new@example.com","D","","unconfirmed","unconfirmed","","2024-01-01","","","Weekly"',
            '"bad@example.com","E","","subscribed","bounced","","2024-01-01","","","Weekly"',
        ],
        {"subscribed": 1, "unsubscribed": 2, "pending": 1, "bounced": 1},
    ),
    Sample(
        "hubspot-crm-exports-all-contacts.csv",
        "HubSpot",
        [
            "Record ID,First Name,Last Name,Email,Lead Status,Last Activity Date,"
            "Marketing contact status,Unsubscribed from all email,"
            "Opted out of email: Marketing Information,Email hard bounce reason,Create Date",
            "1,A,,stays@example.com,Open,2024-01-01,Marketing contact,,,,2024-01-01",
            "2,B,,false@example.com,,,Marketing contact,false,false,,2024-01-01",
            "3,C,,left@example.com,,,Marketing contact,true,,,2024-01-01",
            "4,D,,type@example.com,,,Marketing contact,,Yes,,2024-01-01",
            "5,E,,never@example.com,,,Non-marketing contact,,,,2024-01-01",
            "6,F,,bad@example.com,,,Marketing contact,,,UNKNOWN_USER,2024-01-01",
        ],
        {"subscribed": 2, "unsubscribed": 2, "suppressed": 1, "bounced": 1},
    ),
    Sample(
        "contacts.csv",
        "Brevo",
        [
            "CONTACT ID;EMAIL;FIRSTNAME;SMS;EMAIL_BLACKLISTED;SMS_BLACKLISTED;ADDED_TIME;"
            "MODIFIED_TIME",
            "1;stays@example.com;A;;No;Yes;2024-01-01;2024-01-01",
            "2;left@example.com;B;;Yes;No;2024-01-01;2024-01-01",
        ],
        {"subscribed": 1, "suppressed": 1},
    ),
]
