"""The render sandbox: the same bytes in a process of its own, faults, and the time limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.errors import TemplateBroken
from digest.render.engine import render
from digest.render.sandbox import render_confined
from digest.render.template_errors import TemplateFault
from tests.render.samples import make_issue
from tests.render.test_engine import write_mail


def test_the_render_process_renders_the_same_bytes() -> None:
    issue = make_issue()

    assert render_confined("issue", {"issue": issue}) == render("issue", {"issue": issue})


def test_f02_a_fault_keeps_its_file_and_line(tmp_path: Path) -> None:
    write_mail(tmp_path, "one\n{{ nothing }}")

    with pytest.raises(TemplateFault, match="'nothing' is undefined") as caught:
        render_confined("note", {}, folder=tmp_path)

    assert (caught.value.file, caught.value.line) == ("note.mjml", 2)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% for x in range(10 ** 9) %}x{% endfor %}", "Range too big"),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "recursion"),
        ("{{ 'x' * 10 ** 9 }}", "more than 256 MB|died of it"),
        ("{{ 'x' | center(10 ** 9) }}", "more than 256 MB|died of it"),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "longer than 2 seconds",
        ),
    ],
)
def test_f10_a_runaway_template_is_stopped(tmp_path: Path, template: str, message: str) -> None:
    write_mail(tmp_path, template)

    with pytest.raises(TemplateBroken, match=message):
        render_confined("note", {}, folder=tmp_path, seconds=2, megabytes=256)
