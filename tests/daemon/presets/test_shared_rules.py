"""Rules that presets share are copies: a sensor is one series, whoever has heard it."""

from __future__ import annotations

from daemon.config import load_preset
from daemon.config.sources import SourceRule


def rules_of(preset: str, part: str) -> list[SourceRule]:
    """A preset's rules that store fields of topics with `part` in them."""
    placed = load_preset(preset).rules()
    return [each.rule for each in placed if part in each.rule.topic and each.rule.fields]


def test_both_gateways_take_bluetooth_sensors_by_the_same_rules() -> None:
    rules = rules_of("openmqttgateway", "/BTtoMQTT/")

    assert rules == rules_of("theengs", "/BTtoMQTT/")
    assert len(rules) > 1


def test_radio_sensors_are_taken_as_by_the_preset_rtl_433() -> None:
    [gateway] = rules_of("openmqttgateway", "/RTL_433toMQTT/")
    of_its_own = rules_of("rtl_433", "/events")[-1]

    assert gateway.model_copy(update={"topic": of_its_own.topic}) == of_its_own
