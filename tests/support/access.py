"""A broker that refuses subscriptions: Mosquitto's ACL files only hide messages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def access_lines(folder: Path, *filters: str) -> list[str]:
    """mosquitto.conf lines for a broker that lets everybody subscribe to these filters only.

    Called again it changes what a restarted broker allows.
    """
    plugins = sorted(Path("/usr/lib").glob("**/mosquitto_dynamic_security.so"))
    if not plugins:
        pytest.skip("Mosquitto's dynamic security plugin is not installed")
    rules = {
        "defaultACLAccess": {
            "publishClientSend": True,
            "publishClientReceive": True,
            "subscribe": False,
            "unsubscribe": True,
        },
        "anonymousGroup": "everybody",
        "groups": [{"groupname": "everybody", "roles": [{"rolename": "reader"}]}],
        "roles": [
            {
                "rolename": "reader",
                "acls": [
                    {"acltype": "subscribePattern", "topic": topic_filter, "allow": True}
                    for topic_filter in filters
                ],
            }
        ],
    }
    path = folder / "access.json"
    path.write_text(json.dumps(rules), encoding="utf-8")
    return [f"plugin {plugins[0]}", f"plugin_opt_config_file {path}"]
