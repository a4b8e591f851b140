"""Settings: defaults, files, environment variables, and refused values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from digest.errors import BadSetting
from digest.settings import SWITCHES, Settings, TransportKind, load, variable_of

FOLDERS = ("src", "tests", "scripts", "benchmarks")
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
        ({"batch_size": 0}, "DIGEST_BATCH_SIZE must be a whole number from 1 to 1000; it is 0$"),
        ({"batch_size": 1001}, "DIGEST_BATCH_SIZE must be a whole number from 1 to 1000; it is"),
        ({"batch_size": 1.5}, "a whole number from 1 to 1000; it is 1.5$"),
        ({"concurrency": "many"}, "DIGEST_CONCURRENCY must be a whole number from 1 to 64$"),
        ({"pending_days": 1}, "must be a whole number, 2 or more; it is 1$"),
        ({"sendgrid_timeout": "nan"}, "must be a number above 0 and up to 600$"),
        ({"transport": "pigeon"}, "DIGEST_TRANSPORT must be outbox, sendgrid or smtp$"),
        ({"keep_network": "all"}, "DIGEST_KEEP_NETWORK must be none, prefix or full$"),
        ({"base_url": "news.example.com"}, "DIGEST_BASE_URL must look like https://"),
        ({"base_url": "https://user:word@example.com"}, "DIGEST_BASE_URL"),
        ({"sendgrid_url": "http://127.0.0.1:99999"}, "DIGEST_SENDGRID_URL must have a port"),
        ({"sendgrid_url": "http://127.0.0.1:0"}, "DIGEST_SENDGRID_URL must have a port"),
        (
            {"sendgrid_url": f"http://{'a' * 64}.example.com"},
            "DIGEST_SENDGRID_URL must have a host",
        ),
        ({"sendgrid_url": "http://a..example.com"}, "DIGEST_SENDGRID_URL must have a host"),
        ({"base_url": "http://a..example.com"}, "DIGEST_BASE_URL .* as news.example.com$"),
        ({"sendgrid_url": "http://a..example.com"}, "_URL .* as api.sendgrid.com$"),
        ({"sendgrid_url": "https://[::1"}, "_URL must look like https://api.sendgrid.com$"),
        ({"base_url": "https://[::1"}, "DIGEST_BASE_URL must look like https://news.exam"),
        ({"base_url": "https://:word@example.com"}, "DIGEST_BASE_URL"),
        ({"sendgrid_url": "ftp://example.com"}, "DIGEST_SENDGRID_URL"),
        ({"sendgrid_timeout": 0}, "DIGEST_SENDGRID_TIMEOUT"),
        ({"DIGEST_FROM": "nobody"}, "DIGEST_FROM must be one address"),
        ({"DIGEST_FROM": "A <a@example.com>, b@example.com"}, "DIGEST_FROM"),
        ({"DIGEST_FROM": "Verdicts, weekly <a@example.com>"}, "in quotation marks"),
        ({"canary": "canary"}, "DIGEST_CANARY must be an address"),
        ({"leave_mailto": "a@example.com, b@example.com"}, "DIGEST_LEAVE_MAILTO"),
        ({"editors": "a@example.com, b"}, "DIGEST_EDITORS must be addresses"),
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
        ("DIGEST_EDITOR", "DIGEST_EDITORS"),
    ],
)
def test_a_slip_in_a_name_is_refused_with_the_nearest_name(slip: str, meant: str) -> None:
    with pytest.raises(BadSetting, match=f"{slip} is not a setting; did you mean {meant}?"):
        load({slip: "x"})


def test_a_name_like_no_setting_is_refused_too_and_every_one_is_told() -> None:
    with pytest.raises(BadSetting) as fault:
        load({"DIGEST_QUX": "1", "DIGEST_XYZZY": "2"})
    assert str(fault.value) == "DIGEST_QUX is not a setting; DIGEST_XYZZY is not a setting"
    assert "digest docs settings" in (fault.value.next_step or "")


@pytest.mark.parametrize(
    "name", ["DIGEST_TRANSPROT", "export DIGEST_TRANSPROT", "digest_transprot"]
)
def test_a_slip_in_the_file_of_settings_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / ".env").write_text(f"# ours\nANOTHERS=1\n{name}=sendgrid\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSetting, match="did you mean DIGEST_TRANSPORT"):
        load({})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"# ours\nhello there\n", ".env, line 2: isn't a setting"),
        (b"DIGEST_EDITORS=\xff\n", ".env isn't text in UTF-8"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read_is_refused_in_our_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
    says: str,
) -> None:
    (tmp_path / ".env").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSetting) as fault:
        load({})
    assert (str(fault.value), caplog.records) == (says, [])


def test_a_value_s_file_that_is_no_text_is_refused_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "value").write_bytes(b"\xff")
    with pytest.raises(BadSetting, match="DIGEST_SECRET_FILE: the file isn't text in UTF-8"):
        load({"DIGEST_SECRET_FILE": str(tmp_path / "value")})


def test_other_variables_are_nobodys_business() -> None:
    assert load({"SENDGRID_API_KEY": "x", "MY_DIGEST_X": "1"}).sendgrid_api_key is None


def test_switches_of_the_tests_are_no_settings_and_are_let_through() -> None:
    assert load(dict.fromkeys(SWITCHES, "1")) == load({})


def test_what_kubernetes_tells_of_a_service_called_digest_is_let_through() -> None:
    told = ["DIGEST_SERVICE_HOST", "DIGEST_SERVICE_PORT", "DIGEST_PORT", "DIGEST_PORT_80_TCP_ADDR"]
    assert load(dict.fromkeys(told, "tcp://10.0.0.1:80")) == load({})
    with pytest.raises(BadSetting, match="DIGEST_PORT is not a setting"):
        load({"DIGEST_PORT": "9000"})


def test_every_name_of_ours_that_code_reads_is_a_setting_or_a_switch() -> None:
    root = Path(__file__).parents[1]
    files = [file for folder in FOLDERS for file in (root / folder).rglob("*.py")]
    read = re.compile(r"""environ(?:\.get)?[(\[]\s*["'](DIGEST_[A-Z_]+)""")
    names = {name for file in files for name in read.findall(file.read_text("utf-8"))}
    assert names
    assert names <= {*SWITCHES, *map(variable_of, Settings.model_fields)}


def test_every_fault_is_reported_at_once() -> None:
    with pytest.raises(BadSetting, match=r"DIGEST_TRANSPORT must .+; DIGEST_BATCH_SIZE must "):
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
    with pytest.raises(BadSetting, match="DIGEST_BASE_URL must be a host without a path"):
        settings(base_url=f"https://example.com{end}")


@pytest.mark.parametrize("port", ["99999", "0", "-1", "web"])
@pytest.mark.parametrize("name", ["base_url", "sendgrid_url"])
def test_a_port_that_is_none_is_refused(name: str, port: str) -> None:
    with pytest.raises(BadSetting, match="must have a port from 1 to 65535"):
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


def test_the_limits_of_mailbox_providers_are_read_by_domain() -> None:
    settings = load({}, max_per_hour_by_domain=" gmail.com = 5000, Yahoo.com=2000 ")
    assert settings.hourly_limits() == {"gmail.com": 5000, "yahoo.com": 2000}
    assert load({}).hourly_limits() == {}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("gmail.com", "must look like gmail.com=5000,yahoo.com=2000"),
        ("gmail=5", "must look like gmail.com=5000,yahoo.com=2000"),
        ("gmail.com=0", "must have limits of at least 1"),
        ("gmail.com=5,googlemail.com=6", "must name Gmail once"),
    ],
)
def test_a_limit_that_can_not_be_read_is_refused_in_words(value: str, says: str) -> None:
    with pytest.raises(BadSetting, match=says):
        load({}, max_per_hour_by_domain=value)


def test_allowed_networks_are_read_as_networks() -> None:
    settings = load({}, allowed_networks="10.0.0.0/8, fd00::/8,")
    assert settings.allowed_network_list() == [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    assert load({}).allowed_network_list() == []


def test_an_allowed_network_must_be_one() -> None:
    with pytest.raises(BadSetting, match=r"must be networks, such as 10\.0\.0\.0/8,fd00::/8"):
        load({}, allowed_networks="10.0.0.1/8")
