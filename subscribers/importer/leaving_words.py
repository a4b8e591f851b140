"""Words of a cell that say of a reader: left, bounced, complained; whatever its column is called.

Every cell of a list is looked at; most columns hold the same few texts again and again.
"""

from __future__ import annotations

import re
from functools import lru_cache

from subscribers.importer.columns import WORDS, folded, names
from subscribers.importer.refusal import Refusal

MAX_CELL = 60  #: characters; a longer text is a note, not a word for a standing

#: What begins a word and says it, within a short text as well; a blank is any gap between words.
_BEGUN = {
    "left": (
        "unsub|opt(?:ed)? ?out|not subscri|never subscri|non ?subscri|blocklist|blacklist"
        "|(?:cancell?ed|removed|deleted|deactivated)(?![a-z])|do not (?:e ?)?(?:mail|contact|send)"
        "|abgemeld|abbestell|gekundigt|ausgetragen|nicht (?:mehr )?(?:mailen|anschreiben|senden)"
        "|desabonn|desinscri|resilie|ne (?:pas|plus) (?:envoyer|contacter|ecrire)"
        "|de baja|desuscri|cancelo su|no (?:enviar|contactar)|descadast|nao (?:enviar|contatar)"
        "|disiscri|non (?:inviare|contattare)|uitgeschr|afgemeld|opgezegd|niet mailen"
        "|wypisan|wyrejestr|odhlas|avregistr|avanmal|avmeld|utmeld|afmeld|leiratk|dezabon"
        "|отпис|відпис|διαγραφ|απεγγραφ"
    ),
    "bounced": ("bounce[ds]?(?![a-z])|(?:hard|soft) ?bounc|undeliver|unzustellbar|rebotad|rimbalz"),
    "complained": "complain|spam ?(?:complaint|report)",
}
#: What says it wherever it stands, in writing that has no gaps.
_ANYWHERE = names("退订 退訂 取消订阅 取消訂閱 退会 配信停止 구독취소 수신거부")
#: What says it as the whole of a cell, or of one tag of several; a standing's words as well.
_WHOLE: dict[str, Refusal] = {
    **{word: refusal for word, refusal in WORDS.items() if refusal},
    **dict.fromkeys(
        names(
            "gone quit exited ended expired muted dead stopped revoked withdrawn rejected erased"
            " baja eliminado eliminada revocado cancelado cancelada inactivo inactiva"
            " geloscht gesperrt inaktiv ausgeschlossen ausgetreten widerrufen"
            " supprime desactive inactif refuse bloque"
            " cancellato rimosso eliminato inattivo disdetto revocato"
            " verwijderd inactief geblokkeerd gestopt"
            " removido inativo excluido usuniety usunieta zruseno zrusen borttagen slettet"
            " удален удалена отказ iptal 取消 停止 취소 해지"
        ),
        Refusal.LEFT_THERE,
    ),
    **dict.fromkeys(names("rebote rebotado rejete respinto"), Refusal.BOUNCED_THERE),
}
_SAYS = {
    "left": Refusal.LEFT_THERE,
    "bounced": Refusal.BOUNCED_THERE,
    "complained": Refusal.COMPLAINED_THERE,
}


def _gaps(pattern: str) -> str:
    return pattern.replace(" ?", r"[\W_]*").replace(" ", r"[\W_]+")


_WHOLE = {folded(word): refusal for word, refusal in _WHOLE.items()}
_LOOSE = "|".join(map(folded, sorted(_ANYWHERE)))
_WORD = re.compile(
    r"(?<![^\W_])(?:"
    + "|".join(f"(?P<{kind}>{_gaps(folded(text))})" for kind, text in _BEGUN.items())
    + f")|{_LOOSE}"
)
_ADDRESS = re.compile(r"\S@\S")
_PARTED = re.compile(r"[,;|/]")
_LETTER = re.compile(r"[^\W\d_]")
_LETTERS = re.compile(r"[^\W\d_]+")
#: Bytes that weren't UTF-8, as the letters they are in most of the files that hold them.
_BYTES = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}


@lru_cache(maxsize=16_384)
def leaving(cell: str) -> Refusal | None:
    """Return what a short cell says that lets nobody in; nothing for any other text."""
    if len(cell) > MAX_CELL or not _LETTER.search(cell) or _ADDRESS.search(cell):
        return None
    text = _text(cell)
    found = _WORD.search(text)
    if found:
        return _SAYS[found.lastgroup or "left"]
    parts = ("_".join(_LETTERS.findall(part)) for part in _PARTED.split(text))
    return next((_WHOLE[part] for part in parts if part in _WHOLE), None)


def _text(text: str) -> str:
    return text.lower() if text.isascii() else folded(text.translate(_BYTES))
