"""The rules for workflows that no other tool holds them to. Pure: texts in, findings out."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from sandbox.github.rules import conditions, scripts, secrets, steps, tree, workflow
from sandbox.github.rules.subject import Finding, Pin, Repository

RULES = (*workflow.RULES, *steps.RULES, *scripts.RULES, *conditions.RULES, *secrets.RULES)


def check(files: Mapping[str, str], pins: Mapping[str, Pin], paths: frozenset[str]) -> list[Finding]:
    """What is against the policy in `files`, workflows and metadata of actions by path, in order.

    `pins` are the actions that may be used, `paths` all files of the repository.
    """
    findings = []
    documents = {}
    for file, text in files.items():
        try:
            documents[file] = tree.read(file, text)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            findings.append(Finding(file, line, f"is not YAML: {error.problem}"))
    repository = Repository(documents, pins, paths)
    for document in documents.values():
        for rule in RULES:
            findings += [Finding(document.file, line, said) for line, said in rule(document, repository)]
    return sorted(findings, key=lambda finding: (finding.file, finding.line, finding.message))
