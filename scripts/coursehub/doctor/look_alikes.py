"""What looks like a secret, whoever wrote it, and is taken out because of that. Pure."""

from __future__ import annotations

import re

GONE = "[secret]"
WORDS = r"token|secret|passw(?:or)?d|passphrase|api_?-?key|cookie|credential|authorization|private_?-?key"
BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.S
)
ASSIGNED = re.compile(
    rf"""(?ix) (\b [\w.-]* (?:{WORDS}) [\w-]* (?:\\?["'])? \]? \s* [:=] \s* (?:b|u|r)? )
    (?: \\?" (?:[^"\\\n]|\\.)* \\?" | ' (?:[^'\\\n]|\\.)* '
      | (?:(?:token|bearer|basic)\s+)? [^\s,;&"'(){{}}\[\]]+ )"""
)
BEARER = re.compile(r"(?i)\b(bearer|basic|token)\s+(?=[\w.+/=~-]*\d)[\w.+/=~-]{16,}")
COOKIES = re.compile(r"(?i)\b((?:set-)?cookie|authorization)(\s*:\s*)[^\n]+")
IN_URL = re.compile(r"([a-zA-Z][\w+.-]*://)[^/\s:@\"']*:[^/\s\"']*@")
QUERY = re.compile(r"(?i)([?&](?:code|state|token|ticket|key|sig|signature|id_token|login_hint)=)[^&\s\"')]+")
WELL_KNOWN = re.compile(
    r"\b(?:do[opr]_v1_\w+|gh[pousr]_\w{16,}|github_pat_\w{20,}|xox[a-z]-[\w-]{10,}|AKIA[A-Z0-9]{16}"
    r"|GOCSPX-[\w-]{10,}|eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?)"
)
COMMIT = r"(?i)(?<!commit )(?<!commit: )(?<!commit\": \")"
HEXADECIMAL = re.compile(COMMIT + r"(?<![\w])[0-9a-f]{32,}(?!\w)")
LONG = re.compile(r"(?<![\w/+-])(?=[\w+-]*[a-z])(?=[\w+-]*[A-Z])(?=[\w+-]*\d)[\w+-]{32,}={0,2}")
HOOK = re.compile(
    r"(https://(?:hooks\.slack\.com|discord(?:app)?\.com/api/webhooks|[\w.-]*webhook\.office\.com))/\S+"
)


def without_look_alikes(text: str) -> str:
    """The text without private keys, tokens, passwords, cookies, and what else could be one of these."""
    text = BLOCK.sub(GONE, text)
    text = IN_URL.sub(rf"\1{GONE}@", text)
    text = HOOK.sub(rf"\1/{GONE}", text)
    text = COOKIES.sub(rf"\1\2{GONE}", text)
    text = QUERY.sub(rf"\1{GONE}", text)
    text = ASSIGNED.sub(assigned, text)
    text = BEARER.sub(rf"\1 {GONE}", text)
    for pattern in (WELL_KNOWN, HEXADECIMAL, LONG):
        text = pattern.sub(GONE, text)
    return text


def assigned(found: re.Match) -> str:
    """What is given a value, without it. "secret COURSE_SECRET: could be guessed" is our own sentence about a
    secret, whose value would have gone before."""
    before = found.string[max(0, found.start() - len("secret ")) : found.start()]
    ours = before == "secret " and re.fullmatch(r"[A-Z_]+: ", found[1])
    return found[0] if ours else found[1] + GONE
