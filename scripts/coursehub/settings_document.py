"""Documentation/Settings.md, made from course.schema.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from coursehub.settings_schema import schema

TITLE = "# Settings"
INTRODUCTION = """\
All settings are in `course.yml`, at the top of the repository. Every key may be left out, and an empty file
is fine. A key without a value (`users:` and nothing behind it) means its default, too. Text that looks like
something else to YAML goes in quotes: a student called `"12345"` or `"no"`, the version `"2.0.0"`.

Mistakes are reported all at once, each with file, line, key, and what to do. Editors that know YAML schemas
(such as VS Code with the YAML extension) show them while you type, and complete keys and values.

This page is made from `scripts/coursehub/course.schema.json` by `python scripts/settings_page.py`."""


def settings_page() -> str:
    """The text of the page, in Markdown."""
    blocks = [TITLE, INTRODUCTION, "\n".join(_overview())]
    for key, rule in schema()["properties"].items():
        blocks += [f"## `{key}`", *_about(rule, {key: None})]
        for inner, inner_rule in rule.get("properties", {}).items():
            blocks += [f"### `{key}.{inner}`", *_about(inner_rule, {key: {inner: None}}, "examples" in rule)]
    return "\n\n".join(blocks) + "\n"


def _overview() -> Iterator[str]:
    yield "| key | default |"
    yield "|---|---|"
    for key, rule in schema()["properties"].items():
        parts = rule.get("properties")
        names = [f"{key}.{inner}" for inner in parts] if parts else [key]
        rules = parts.values() if parts else [rule]
        for name, part in zip(names, rules, strict=True):
            yield f"| [`{name}`](#{name.replace('.', '')}) | {_default(part)} |"


def _about(rule: dict[str, Any], place: dict[str, Any], shown_above: bool = False) -> Iterator[str]:
    """The paragraphs on one key; its examples are left out where those of its group show them."""
    yield rule["description"]
    if "properties" not in rule:
        yield "\n".join(_facts(rule))
    if "examples" in rule and not shown_above:
        yield "\n".join(["```yaml", *(_example(place, example) for example in rule["examples"]), "```"])


def _facts(rule: dict[str, Any]) -> Iterator[str]:
    yield f"- Default: {_default(rule)}"
    if "enum" in rule:
        yield "- One of: " + ", ".join(f"`{value}`" for value in rule["enum"])
        return
    if "enum" in rule.get("anyOf", [{}])[0]:
        yield "- Among others: " + ", ".join(f"`{value}`" for value in rule["anyOf"][0]["enum"])
    yield f"- {rule.get('items', rule)['x-fix']}"


def _default(rule: dict[str, Any]) -> str:
    if "default" in rule:
        return f"`{_yaml(rule['default'])}`"
    return rule.get("x-default", "none")


def _example(place: dict[str, Any], value: Any) -> str:
    key, inner = next(iter(place.items()))
    if inner is None:
        return f"{key}: {_yaml(value)}"
    return f"{key}: {{{next(iter(inner))}: {_yaml(value)}}}"


def _yaml(value: Any) -> str:
    """A value as one writes it in course.yml, on one line."""
    if isinstance(value, list):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and value.replace(".", "").isdigit():
        return json.dumps(value)
    return str(value)
