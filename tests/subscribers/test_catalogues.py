"""The catalogues hold every word that code and templates mark, in each language."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from subscribers.locale import LANGUAGES, choose, translations

_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "catalogues.py"


def test_no_word_is_missing_in_any_language(capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(_SCRIPT))["main"]
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_a_language_begun_as_an_empty_file_is_given_every_text_and_called_unfinished(
    tmp_path: Path,
) -> None:
    script = runpy.run_path(str(_SCRIPT))
    words = script["words_in_use"]()
    assert len(words) > 300
    (tmp_path / "pl.po").touch()

    text, faults = script["updated"](tmp_path / "pl.po", words)

    assert b'"Language: pl\\n"' in text
    assert text.count(b"msgid") > len(words)
    assert len(faults) == len(words)
    assert {fault.partition(":")[0] for fault in faults} == {"pl.po"}


def test_a_region_reads_its_language_and_an_unknown_one_english() -> None:
    assert "de" in LANGUAGES
    assert translations("de-AT") is translations("de")
    assert translations("xx").gettext("Unsubscribe") == "Unsubscribe"


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("", "", "en"),
        ("de", "en", "de"),
        ("de-AT", "", "de"),
        ("xx", "de", "de"),
        ("", "xx-XX,de;q=0.8,en;q=0.5", "de"),
        ("", "DE-at", "de"),
        ("", "*", "en"),
        ("", "de;q=0.1,en", "en"),
        ("", "de;q=0,xx", "en"),
        ("", "de ; q=0.3 , en;q=0.2", "de"),
        ("", "de;q=nonsense,en;q=0.2", "en"),
        ("", "," * 10_000, "en"),
    ],
)
def test_the_language_is_the_one_wanted_or_the_first_understood(
    wanted: str, accepted: str, language: str
) -> None:
    assert choose(wanted, accepted) == language
