"""What was asked for an address and isn't done yet: sign-ups, and moves to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers.models import AddressChange, SignUpAsked


def forget(session: Session, address_key: str) -> bool:
    """Delete every wish about an address.

    Of another reader's wish only the address goes: that it is gone would tell them who it was.
    Tells whether there was any.
    """
    asked = session.execute(delete(SignUpAsked).where(col(SignUpAsked.address_key) == address_key))
    moves = session.execute(
        update(AddressChange)
        .where(col(AddressChange.address_key) == address_key)
        .values(address="", address_key="")
    )
    return bool(_rows(asked) + _rows(moves))


def forget_move(session: Session, change_id: int) -> None:
    """Forget the address of a wish to move there that nobody has confirmed."""
    session.execute(
        update(AddressChange)
        .where(col(AddressChange.id) == change_id, col(AddressChange.done_at).is_(None))
        .values(address="", address_key="")
    )


def is_wished_for(session: Session, address_key: str) -> bool:
    """Tell whether somebody asked to sign up or to move there, and it isn't done yet."""
    wishes: tuple[Any, ...] = (SignUpAsked, AddressChange)
    found = [
        session.execute(select(model.id).where(model.address_key == address_key)).first()
        for model in wishes
    ]
    return any(found)


def _rows(done: Any) -> int:
    return int(done.rowcount)
