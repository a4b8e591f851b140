"""Build errors in the preview: file, line, column and the text at fault."""

from __future__ import annotations

import json

import pytest

from digest.preview.build_errors import BuildError
from tests.preview.conftest import EditorFolder
from tests.preview.test_overlay import NEW


def fault(editor: EditorFolder) -> BuildError:
    return editor.desk.renew().faults[0]


def marked(fault: BuildError) -> str:
    return next(line.mark for line in fault.lines if line.here)


@pytest.mark.parametrize(
    ("change", "line", "column", "words", "said"),
    [
        ("<mj-section>\n  <mj-txt /></mj-section>", 2, 3, "<mj-txt", "Did you mean mj-text?"),
        ("\n{{ isue.number }}", 2, 4, "isue", "'isue' is undefined. Did you mean issue?"),
        ("{{ issue.openin }}", 1, 10, "openin", "the issue has no 'openin'. Did you mean opening?"),
        ("\n\n  {{ issue.number | purcent }}", 3, 21, "purcent", "No filter named 'purcent'"),
        ("<mj-raw>a < b</mj-raw>", 1, 11, "< b", "Write &lt;"),
        ("{% if %}", 1, 1, "{", "Expected an expression"),
    ],
)
def test_F02_a_template_that_does_not_compile_is_reported_by_line_and_column(
    editor: EditorFolder, change: str, line: int, column: int, words: str, said: str
) -> None:
    editor.template("partials/masthead.mjml", lambda _: change)
    error = fault(editor)

    assert said in error.what
    assert (error.file, error.line, error.column) == ("partials/masthead.mjml", line, column)
    assert marked(error) == words


def test_F01_a_comparison_that_breaks_the_template_is_reported_before_anything_is_frozen(
    editor: EditorFolder,
) -> None:
    editor.template(
        "partials/comparison.mjml", lambda source: source + "\n{{ comparison.contenders[2].name }}"
    )
    error = fault(editor)

    assert error.file == "partials/comparison.mjml"
    assert error.line > 20
    assert "has no element 2" in error.what


def test_a_slip_in_json_is_reported_by_line_and_column(editor: EditorFolder) -> None:
    editor.write("comparisons/new.json", '{\n  "title": "x",\n  "weight": 1,,\n}')

    assert fault(editor).where == "new.json:3:15"


def test_a_wrong_key_in_json_is_marked_in_its_line(editor: EditorFolder) -> None:
    editor.write("comparisons/new.json", json.dumps(NEW | {"wieght": 1}, indent=1))
    error = fault(editor)

    assert "wieght" in next(line for line in error.lines if line.here).after + marked(error)


def test_a_wrong_value_in_json_is_named_in_words_with_its_line(editor: EditorFolder) -> None:
    text = json.dumps(NEW, indent=1).replace('"panel_share": 100', '"panel_share": "most"')
    editor.write("comparisons/new.json", text)
    error = fault(editor)

    assert error.what.startswith("panel share of the left tool, contenders[0].panel_share: must be")
    assert '"panel_share": "most"' in next(
        line.before + line.mark + line.after for line in error.lines if line.here
    )


@pytest.mark.parametrize("value", ["comparisons", "comparisons[0]", "sponsor"])
def test_nothing_of_python_shows_in_what_is_said_of_a_template(
    editor: EditorFolder, value: str
) -> None:
    editor.template("partials/masthead.mjml", lambda _: "{{ issue." + value + " }}")
    what = fault(editor).what

    assert what.endswith("is neither words nor a number, so a reader shouldn't see it")
    assert "digest." not in what
    assert "(" not in what


def test_a_page_that_can_not_be_read_names_its_file(editor: EditorFolder) -> None:
    editor.write("comparisons/notes.txt", "Buy milk.\nPanel ship\n")

    assert fault(editor).file == "notes.txt"


def test_what_came_out_last_stays_while_something_is_wrong(editor: EditorFolder) -> None:
    before = editor.mail()
    editor.template("issue.mjml", lambda _: "{% if %}")
    snapshot = editor.desk.renew()

    assert snapshot.faults
    assert snapshot.built is not None
    assert snapshot.built.rendered.html == before


def test_it_comes_right_again_when_it_is_mended(editor: EditorFolder) -> None:
    editor.template("issue.mjml", lambda _: "{% if %}")
    assert editor.desk.renew().faults
    (editor.folder / "templates/email/issue.mjml").unlink()

    assert editor.desk.renew().faults == ()


def test_an_empty_folder_says_what_to_do(editor: EditorFolder) -> None:
    for path in (editor.folder / "comparisons").iterdir():
        path.unlink()
    snapshot = editor.desk.renew()

    assert snapshot.built is None
    assert snapshot.empty is not None
    assert (snapshot.faults, snapshot.empty.comparisons) == ((), 0)


@pytest.mark.parametrize(
    ("what", "title"),
    [
        ("expected an expression", "Expected an expression"),
        ("contenders[0].share: unknown", "contenders[0].share: unknown"),
        ("'digest.View' has no attribute 'x'", "'digest.View' has no attribute 'x'"),
        (".env: not there", ".env: not there"),
    ],
)
def test_a_fault_begins_like_a_sentence_and_names_stay_as_they_are(what: str, title: str) -> None:
    assert BuildError(what=what).title == title
