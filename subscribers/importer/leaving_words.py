"""Which words in a cell say that a reader left, bounced or complained, in any column.

Every cell of a list is checked; the results are cached, since most columns repeat a few texts.
"""

from __future__ import annotations

import re
from functools import lru_cache

from subscribers.importer.columns import WORDS, folded, names
from subscribers.importer.refusal import Refusal

MAX_CELL = 60  #: characters; a longer text is a remark, not a word for a standing

#: Patterns for the start of a word, anywhere in a short text; a blank matches any gap.
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
#: Words that count anywhere in a text, of scripts without gaps between words.
_ANYWHERE = names("退订 退訂 取消订阅 取消訂閱 退会 配信停止 구독취소 수신거부")
#: Words that count as a whole cell, or as one of several tags; with `columns.WORDS`.
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
#: Maps a surrogate for an invalid UTF-8 byte to the letter of that byte in Latin-1.
_BYTES = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}


@lru_cache(maxsize=16_384)
def leaving(cell: str) -> Refusal | None:
    """Return the refusal a short cell stands for, ``None`` for any other text."""
    if len(cell) > MAX_CELL or not _LETTER.search(cell) or _ADDRESS.search(cell):
        return None
    text = _text(cell)
    match = _WORD.search(text)
    if match:
        return _SAYS[match.lastgroup or "left"]
    parts = ("_".join(_LETTERS.findall(part)) for part in _PARTED.split(text))
    return next((_WHOLE[part] for part in parts if part in _WHOLE), None)


def _text(text: str) -> str:
    return text.lower() if text.isascii() else folded(text.translate(_BYTES))
