"""The catalogues hold every word that code and templates mark, in each language."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from subscribers.locale import LANGUAGES, choose, translations

_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "catalogues.py"


@pytest.mark.skipif(not _SCRIPT.is_file(), reason="the script is in the source tree only")
def test_no_word_is_missing_in_any_language(capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(_SCRIPT))["main"]
    assert main(["--check"]) == 0, capsys.readouterr().out


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
        ("fr", "de", "de"),
        ("", "fr-FR,de;q=0.8,en;q=0.5", "de"),
        ("", "DE-at", "de"),
        ("", "*", "en"),
        ("", "de;q=0.1,en", "en"),
        ("", "de;q=0,fr", "en"),
        ("", "de ; q=0.3 , en;q=0.2", "de"),
        ("", "de;q=nonsense,en;q=0.2", "en"),
        ("", "," * 10_000, "en"),
    ],
)
def test_the_language_is_the_one_wanted_or_the_first_understood(
    wanted: str, accepted: str, language: str
) -> None:
    assert choose(wanted, accepted) == language
