"""Set an installation up: what is asked, what an answer may be, and how each answer is tested.

`questions` lists what `digest setup` asks and checks an answer as it is given; together the answers
become settings. `env_file` writes the settings, and `first_newsletter` the newsletter. `key_check`
has the provider judge a mail that it doesn't send, and `webhook_check` has the event webhook take a
signed post, or says how the provider sends one. Each test returns a result of `digest.doctor`.
"""

from digest.setup.env_file import EnvFile
from digest.setup.first_newsletter import answers_of, newsletter_answers, set_up_newsletter
from digest.setup.key_check import check_key
from digest.setup.questions import (
    QUESTIONS,
    SetupQuestion,
    changes,
    checked,
    clock_time,
    missing,
    settings_from,
)
from digest.setup.webhook_check import PRESS, check_webhook

__all__ = [
    "PRESS",
    "QUESTIONS",
    "EnvFile",
    "SetupQuestion",
    "answers_of",
    "changes",
    "check_key",
    "check_webhook",
    "checked",
    "clock_time",
    "missing",
    "newsletter_answers",
    "set_up_newsletter",
    "settings_from",
]
