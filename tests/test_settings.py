"""Settings: defaults, files, environment variables, and refused values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from digest.errors import BadSetting
from digest.settings import Settings, TransportKind, load, variable_of

SECRET = "a secret for tests only, long enough"


def settings(**overrides: Any) -> Settings:
    return load({}, **overrides)


def from_files(**env: str) -> Settings:
    return load(env)


def test_without_any_word_everything_has_a_safe_value() -> None:
    usual = settings()
    assert usual.transport is TransportKind.OUTBOX
    assert usual.database_url == "sqlite:///digest.db"
    assert (usual.secret, usual.sendgrid_api_key) == (None, None)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_means(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert description.endswith(".")
    assert variable_of(name).startswith("DIGEST_")


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"batch_size": 0}, "DIGEST_BATCH_SIZE"),
        ({"batch_size": 1001}, "DIGEST_BATCH_SIZE"),
        ({"concurrency": "many"}, "DIGEST_CONCURRENCY"),
        ({"transport": "pigeon"}, "DIGEST_TRANSPORT"),
        ({"base_url": "news.example.com"}, "DIGEST_BASE_URL: must look like https://"),
        ({"base_url": "https://user:word@example.com"}, "DIGEST_BASE_URL"),
        ({"sendgrid_url": "http://127.0.0.1:99999"}, "DIGEST_SENDGRID_URL: its port"),
        ({"sendgrid_url": "http://127.0.0.1:0"}, "DIGEST_SENDGRID_URL: its port"),
        ({"sendgrid_url": f"http://{'a' * 64}.example.com"}, "DIGEST_SENDGRID_URL: its host"),
        ({"sendgrid_url": "http://a..example.com"}, "DIGEST_SENDGRID_URL: its host"),
        ({"base_url": "http://a..example.com"}, "DIGEST_BASE_URL: .* as news.example.com$"),
        ({"sendgrid_url": "http://a..example.com"}, "_URL: .* as api.sendgrid.com$"),
        ({"sendgrid_url": "https://[::1"}, "_URL: must look like https://api.sendgrid.com$"),
        ({"base_url": "https://[::1"}, "DIGEST_BASE_URL: must look like https://news.exam"),
        ({"base_url": "https://:word@example.com"}, "DIGEST_BASE_URL"),
        ({"sendgrid_url": "ftp://example.com"}, "DIGEST_SENDGRID_URL"),
        ({"sendgrid_timeout": 0}, "DIGEST_SENDGRID_TIMEOUT"),
        ({"DIGEST_FROM": "nobody"}, "DIGEST_FROM: must be one address"),
        ({"DIGEST_FROM": "A <a@example.com>, b@example.com"}, "DIGEST_FROM"),
        ({"DIGEST_FROM": "Verdicts, weekly <a@example.com>"}, "in quotation marks"),
        ({"canary": "canary"}, "DIGEST_CANARY: must be an address"),
        ({"leave_mailto": "a@example.com, b@example.com"}, "DIGEST_LEAVE_MAILTO"),
        ({"editors": "a@example.com, b"}, "DIGEST_EDITORS: must be addresses"),
    ],
)
def test_nonsense_is_refused_by_name(fault: Mapping[str, Any], named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        settings(**fault)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ("DIGEST_POSTAL_ADDRESS_FILE={file}", "from the file"),
        ("DIGEST_POSTAL_ADDRESS_FILE={file}\nDIGEST_POSTAL_ADDRESS=said there", "said there"),
    ],
)
def test_the_settings_file_may_name_a_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, counts: str
) -> None:
    (tmp_path / "value").write_text("from the file\n", "utf-8")
    (tmp_path / ".env").write_text(said.format(file=tmp_path / "value"), "utf-8")
    monkeypatch.chdir(tmp_path)
    assert settings().postal_address == counts


def test_an_editor_named_twice_gets_one_letter() -> None:
    given = "a@example.com, b@example.com,,A@example.com"
    assert settings(editors=given).editor_list() == ["a@example.com", "b@example.com"]


def test_a_name_with_a_comma_may_stand_in_quotation_marks() -> None:
    given = '"Verdicts, weekly" <a@example.com>'
    assert settings(DIGEST_FROM=given).sender == given


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("DIGEST_SENDGRID_APIKEY", "DIGEST_SENDGRID_API_KEY"),
        ("DIGEST_TRANSPROT", "DIGEST_TRANSPORT"),
        ("DIGEST_SECRETS_FILE", "DIGEST_SECRET_FILE"),
    ],
)
def test_a_slip_in_a_name_is_refused_and_not_passed_over(slip: str, meant: str) -> None:
    with pytest.raises(BadSetting, match=f"{slip} is no setting; is {meant} meant"):
        load({slip: "x"})


def test_a_slip_in_the_file_of_settings_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("# ours\nDIGEST_TRANSPROT=sendgrid\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSetting, match="is DIGEST_TRANSPORT meant"):
        load({})


def test_other_variables_are_nobodys_business() -> None:
    assert load({"DIGEST_NO_SKIPS": "1", "SENDGRID_API_KEY": "x"}).sendgrid_api_key is None


def test_every_fault_is_reported_at_once() -> None:
    with pytest.raises(BadSetting, match=r"DIGEST_TRANSPORT: .+; DIGEST_BATCH_SIZE: "):
        settings(transport="pigeon", batch_size=0)


def test_an_error_does_not_repeat_what_was_given() -> None:
    with pytest.raises(BadSetting) as fault:
        settings(base_url="secret-word")
    assert "secret-word" not in str(fault.value)


@pytest.mark.parametrize(
    "name", ["secret", "sendgrid_api_key", "old_secrets", "leaked_secrets", "metrics_token"]
)
def test_a_secret_is_not_shown(name: str) -> None:
    made = settings(**{name: SECRET})
    assert getattr(made, name).get_secret_value() == SECRET
    assert SECRET not in f"{made!r} {made} {made.model_dump()}"


def test_a_slash_at_the_end_of_an_address_is_dropped() -> None:
    assert settings(base_url="https://example.com/").base_url == "https://example.com"
    given = "https://example.com/provider/"
    assert settings(sendgrid_url=given).sendgrid_url == "https://example.com/provider"


@pytest.mark.parametrize("end", ["/news", "/news/", "?x=1", "?", "/?x=1", "#top", " /", "\\news"])
def test_readers_reach_us_at_the_root_of_a_host(end: str) -> None:
    with pytest.raises(BadSetting, match="DIGEST_BASE_URL: must be a host of its own"):
        settings(base_url=f"https://example.com{end}")


@pytest.mark.parametrize("port", ["99999", "0", "-1", "web"])
@pytest.mark.parametrize("name", ["base_url", "sendgrid_url"])
def test_a_port_that_is_none_is_refused(name: str, port: str) -> None:
    with pytest.raises(BadSetting, match="its port must be a number from 1 to 65535"):
        settings(**{name: f"https://example.com:{port}"})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "https://[2001:db8::1]:8443", "https://bücher.example"]
)
def test_a_host_and_a_port_are_all_it_takes(url: str) -> None:
    assert settings(base_url=url).base_url == url


@pytest.mark.parametrize(
    ("variable", "name"),
    [("DIGEST_WEBHOOK_KEYS_FILE", "webhook_keys"), ("DIGEST_FROM_FILE", "sender")],
)
def test_a_value_may_come_from_a_file(tmp_path: Path, variable: str, name: str) -> None:
    (tmp_path / "value").write_text("Us <us@example.com>\n", "utf-8")
    assert getattr(load({variable: str(tmp_path / "value")}), name) == "Us <us@example.com>"


def test_a_secret_from_a_file_is_as_secret(tmp_path: Path) -> None:
    (tmp_path / "value").write_text(f"{SECRET}\n", "utf-8")
    made = from_files(DIGEST_SECRET_FILE=str(tmp_path / "value"))
    assert made.secret is not None
    assert made.secret.get_secret_value() == SECRET
    assert SECRET not in repr(made)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"DIGEST_SECRET_FILE: .+No such file"):
        from_files(DIGEST_SECRET_FILE=str(tmp_path / "missing"))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().batch_size = 5


@pytest.mark.parametrize("keys", ["a,b", " a , b ", ",a,,b\n,"])
def test_a_list_has_no_blanks_and_no_empty_items(keys: str) -> None:
    assert settings(webhook_keys=keys).webhook_key_list() == ["a", "b"]
