"""The catalogues hold every word that code and templates mark, in each language."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from subscribers.locale import LANGUAGES, translations

_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "catalogues.py"


@pytest.mark.skipif(not _SCRIPT.is_file(), reason="the script is in the source tree only")
def test_no_word_is_missing_in_any_language(capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(_SCRIPT))["main"]
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_a_region_reads_its_language_and_an_unknown_one_english() -> None:
    assert "de" in LANGUAGES
    assert translations("de-AT") is translations("de")
    assert translations("xx").gettext("Unsubscribe") == "Unsubscribe"
