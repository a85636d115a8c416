"""`!secret`, `!env_var` and `!include` work as in Home Assistant, and secrets stay secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.config import Config, load_config
from daemon.errors import ConfigError
from tests.daemon.config.configs import load, only_problem, problems, write

LOGIN = "brokers: {home: {url: mqtt://x, username: u, password: !secret mqtt}}\n"


def password_of(config: Config) -> str:
    password = config.brokers["home"].password
    assert password is not None
    return password.get_secret_value()


@pytest.mark.parametrize(
    ("secrets", "password"),
    [
        pytest.param("mqtt: hunter2\n", "hunter2", id="text"),
        pytest.param("mqtt: 0123\n", "0123", id="digits-stay-as-written"),
        pytest.param("mqtt: on\n", "on", id="word"),
        pytest.param('mqtt: "a: b # c"\n', "a: b # c", id="quotes"),
        pytest.param("other: x\nmqtt: y\n", "y", id="second"),
    ],
)
def test_secret_is_taken_from_secrets_yaml(tmp_path: Path, secrets: str, password: str) -> None:
    assert password_of(load(tmp_path, LOGIN, {"secrets.yaml": secrets})) == password


@pytest.mark.parametrize(
    "others",
    [
        pytest.param({}, id="no-file"),
        pytest.param({"secrets.yaml": "other: x\n"}, id="other-name"),
        pytest.param({"secrets.yaml": ""}, id="empty-file"),
    ],
)
def test_missing_secret_names_the_file_to_write(tmp_path: Path, others: dict[str, str]) -> None:
    problem = only_problem(tmp_path, LOGIN, others)
    assert problem.key_path == "brokers.home.password"
    assert f"{tmp_path}/secrets.yaml" in problem.allowed


def test_secrets_file_that_is_no_yaml_is_not_quoted(tmp_path: Path) -> None:
    found = problems(tmp_path, LOGIN, {"secrets.yaml": "mqtt: hunter2: x\n"})
    assert any(problem.file.endswith("secrets.yaml") for problem in found)
    assert "hunter2" not in "".join(map(str, found))


def test_environment_variable_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CABIN_NAME", "attic")
    assert load(tmp_path, "collector: {name: !env_var CABIN_NAME}\n").collector.name == "attic"


def test_environment_variable_may_have_a_default_with_blanks(tmp_path: Path) -> None:
    assert "CABIN_NAME" not in os.environ
    config = load(tmp_path, "collector: {name: !env_var CABIN_NAME my cabin}\n")
    assert config.collector.name == "my cabin"


def test_missing_environment_variable_is_named(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, "collector: {name: !env_var CABIN_NAME}\n")
    assert "'CABIN_NAME'" in problem.found


def test_included_file_takes_the_place_of_the_value(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "brokers: {home: {url: embedded}}\nsources: !include sources.yaml\n",
        {"sources.yaml": "- {topic: a, measurement: m}\n"},
    )
    assert [rule.topic for rule in config.sources] == ["a"]


def test_problem_in_an_included_file_names_that_file_and_its_line(tmp_path: Path) -> None:
    problem = only_problem(
        tmp_path,
        "brokers: {home: {url: embedded}}\nsources: !include sources.yaml\n",
        {"sources.yaml": "# rules\n- {topic: a, measurement: m, qos: 7}\n"},
    )
    assert (problem.file, problem.line) == (f"{tmp_path}/sources.yaml", 2)
    assert problem.key_path == "sources[0].qos"


@pytest.mark.parametrize(
    ("text", "others", "words"),
    [
        pytest.param("a.yaml", {}, "no readable file", id="no-such-file"),
        pytest.param("config.yaml", {}, "includes this file", id="itself"),
        pytest.param("a.yaml", {"a.yaml": "!include config.yaml"}, "includes this", id="circle"),
        pytest.param("''", {}, "without a file", id="no-name"),
    ],
)
def test_include_that_cannot_be_is_refused(
    tmp_path: Path, text: str, others: dict[str, str], words: str
) -> None:
    assert words in only_problem(tmp_path, f"sources: !include {text}\n", others).found


def test_merge_key_takes_over_what_is_not_said(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "brokers: {home: {url: embedded}}\n"
        "sources:\n"
        "  - &rule {topic: a, measurement: m, qos: 0}\n"
        "  - {<<: *rule, topic: b}\n",
    )
    assert [(rule.topic, rule.qos) for rule in config.sources] == [("a", 0), ("b", 0)]


def test_aliases_that_multiply_beyond_reason_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    found = [problem.found for problem in problems(tmp_path, "\n".join(lines))]
    assert "more than 200000 values" in found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"a: \xff\xfe\n", "no UTF-8", id="no-utf-8"),
        pytest.param(b"#" * 4_000_001, "more than 4 MB", id="huge"),
        pytest.param(b"", "nothing", id="empty"),
        pytest.param(b"# all is commented out\n", "nothing", id="comments-only"),
        pytest.param(b"a: b\0c\n", r"the character U\+0000", id="nul"),
        pytest.param(b"[" * 5000, "more than 60 levels", id="deep"),
        pytest.param("a: 1".encode("utf-16"), "no UTF-8", id="utf-16"),
    ],
)
def test_file_that_is_no_configuration_is_refused(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        load_config(path)


def test_byte_order_mark_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbfcollector: {name: attic}\n")
    assert load_config(path).collector.name == "attic"


def test_missing_file_is_said_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no readable file .*/nowhere\.yaml \(No such file"):
        load_config(tmp_path / "nowhere.yaml")


def test_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(tmp_path)


def test_password_is_in_no_repr(tmp_path: Path) -> None:
    config = load(tmp_path, LOGIN, {"secrets.yaml": "mqtt: hunter2\n"})
    assert "hunter2" not in repr(config)
    assert "hunter2" not in str(config.brokers["home"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("brokers: {a: {url: mqtt://x, password: hunter2}}\n", id="section-refused"),
        pytest.param(
            "brokers: {a: {url: mqtt://x, username: u, password: [hunter2]}}\n", id="list"
        ),
        pytest.param("brokers: {a: {url: 'mqtt://u:hunter2@x'}}\n", id="inside-the-url"),
        pytest.param("brokers: {a: {url: !secret url}}\n", id="url-is-secret"),
        pytest.param("storage: {path: !secret url}\n", id="any-option-is-secret"),
        pytest.param("storage: {commit: {interval: !env_var WAIT hunter2}}\n", id="environment"),
        pytest.param("brokers: {a: {url: mqtt://x, passwd: hunter2}}\n", id="unknown-key"),
        pytest.param("password: hunter2\n", id="at-the-wrong-place"),
        pytest.param("brokers: {a: {url: x, password: hunter2: x}}\n", id="syntax"),
    ],
)
def test_secret_is_in_no_message(tmp_path: Path, text: str) -> None:
    found = problems(tmp_path, text, {"secrets.yaml": "url: hunter2\n"})
    assert "hunter2" not in "".join(map(str, found))


@pytest.mark.parametrize("first", "*&!{[%@`|>\"'#?:-,]}~")
@pytest.mark.parametrize("last", ["", ": x", "]", "}", "'", '"', " #", "!x"])
def test_password_without_its_quotes_is_in_no_message(
    tmp_path: Path, first: str, last: str
) -> None:
    # Some of these are fine as they are; the port is wrong so that there is always a message.
    text = f"brokers:\n  a:\n    url: mqtt://x:0\n    password: {first}hunter2{last}\n"
    assert "hunter2" not in "".join(map(str, problems(tmp_path, text)))


def test_number_as_password_is_not_shown(tmp_path: Path) -> None:
    text = "brokers: {a: {url: mqtt://x, username: u, password: 4711}}\n"
    problem = only_problem(tmp_path, text)
    assert "4711" not in str(problem)
    assert "put it in quotes" in problem.allowed


def test_paths_to_read_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, "brokers: {a: {url: mqtts://x, tls: {ca: certs/ca.pem}}}\n")
    config = load_config(tmp_path / "config.yaml")
    tls = config.brokers["a"].tls
    assert tls is not None
    assert tls.ca == tmp_path / "certs/ca.pem"
