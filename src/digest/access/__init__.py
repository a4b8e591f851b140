"""Who may use the API, and what it answered: its tokens, and the answers kept for a repetition.

A person makes a token with `token_store.add`, which returns its text once and stores a keyed hash;
each request's token goes through `token_store.check`, which returns a `Caller` with its scopes. A
request that names an idempotency key is reserved in `answer_store` at the start of the transaction
that does its work, and the answer is written there before that transaction commits, so that a
repetition finds either both or neither. `purge_answers` deletes those that are a day old.
"""

from digest.access.answer_store import (
    KEPT,
    AnswerKey,
    PriorAnswer,
    find_answer,
    keep_answer,
    purge_answers,
    reserve,
)
from digest.access.models import Scope
from digest.access.token_store import (
    BadApiToken,
    Caller,
    NewToken,
    TokenFacts,
    add_token,
    check_token,
    revoke_token,
    token_facts,
)

__all__ = [
    "KEPT",
    "AnswerKey",
    "BadApiToken",
    "Caller",
    "NewToken",
    "PriorAnswer",
    "Scope",
    "TokenFacts",
    "add_token",
    "check_token",
    "find_answer",
    "keep_answer",
    "purge_answers",
    "reserve",
    "revoke_token",
    "token_facts",
]
