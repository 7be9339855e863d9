"""The page that -www shows in a browser, and /stats.json: the facts of one connection in HTML 5 and in JSON.

The page needs nothing from outside and no script. What comes from the network is escaped, and a policy in the reply's
head forbids the browser to load or run anything, should that ever fail. It costs a few milliseconds; who does not ask
for HTML gets the classic page, which costs a hundredth.
"""

from __future__ import annotations

import json

from tlsdeck.output.facts import VERDICTS, key_text, protection
from tlsdeck.output.jsonl import readable
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tlsdeck.output.facts import Chosen, ClientCertificate, Facts, Item, Offered
    from tlsdeck.output.weaknesses import Finding

_SAFE = (
    "Cache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n"
)
_HTML_HEAD = f"HTTP/1.0 200 ok\r\nContent-type: text/html\r\n{_SAFE}\r\n"
_JSON_HEAD = f"HTTP/1.0 200 ok\r\nContent-type: application/json\r\n{_SAFE}\r\n"

# --- JSON ------------------------------------------------------------------------------------------------------


def json_reply(facts: Facts | None) -> bytes:
    """The whole reply to /stats.json; null when there was no ClientHello to decode."""
    return (_JSON_HEAD + json.dumps(_plain(facts), indent=2) + "\n").encode("ascii")


def _plain(value: object) -> object:
    if isinstance(value, Record):
        return {name: _plain(member) for name, member in value.as_dict().items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return readable(value) if isinstance(value, str) else value


# --- HTML ------------------------------------------------------------------------------------------------------


def html_reply(facts: Facts, classic: str) -> bytes:
    """The whole reply; `classic` is the old page's text."""
    page = _page(facts, "\n".join(map(_text, classic.split("\n"))))
    return (_HTML_HEAD + page).encode("utf-8", "replace")


def _page(facts: Facts, classic: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{_text(_headline(facts.chosen))} - s_server</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body>
<header>
<p class="from">tlsdeck s_server</p>
<h1>{_text(_headline(facts.chosen))}</h1>
<p class="lead">{_text(_lead(facts.chosen))}</p>
</header>
<main>
{_chosen(facts)}
{_findings(facts.findings)}
{_offered(facts)}
{_server(facts)}
<section aria-labelledby="classic">
<h2 id="classic">The classic page</h2>
<p>What s_server has always printed, for scripts. <a href="/stats.json">The facts above as JSON</a>.</p>
<pre>{classic}</pre>
</section>
</main>
</body>
</html>

"""


def _text(text: str) -> str:
    """Text as it is safe inside an element or a quoted attribute; what is not printable is shown by its code."""
    shown = "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in readable(text)
    )
    return (
        shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("'", "&#39;")
    )  # fmt: skip


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(part for part in parts if part)


# --- what was chosen -------------------------------------------------------------------------------------------


def _headline(chosen: Chosen) -> str:
    return f"{chosen.version} with {chosen.suite}" if chosen.suite else "No connection was agreed on"


def _lead(chosen: Chosen) -> str:
    secret = (
        "Forward secret: the server's key, should it be stolen one day, does not open what was recorded."
        if chosen.forward_secret
        else "Not forward secret: whoever gets the server's key can read what was recorded."
    )
    resumed = "An earlier session was resumed." if chosen.resumed else "A new session, by a full handshake."
    return f"{secret} {resumed}"


def _chosen(facts: Facts) -> str:
    chosen, client = facts.chosen, facts.client
    cards = (
        ("Protocol", chosen.version or "none", _version_note(facts)),
        ("Cipher suite", chosen.suite or "none", _suite_note(chosen)),
        ("Key exchange", chosen.group or "none in this handshake", _group_note(chosen)),
        ("Server name (SNI)", client.server_name or "none", "" if client.server_name else "The client asked for no name."),
        ("Application protocol (ALPN)", chosen.alpn or "none", _alpn_note(facts)),
        ("Session", "resumed" if chosen.resumed else "new", _session_note(chosen, client)),
        ("Client certificate", *_certificate_card(chosen.client_certificate)),
    )  # fmt: skip
    return _section(
        "chosen", "What was chosen", f'<dl class="cards">\n{_joined(_card(*card) for card in cards)}\n</dl>'
    )


def _section(name: str, title: str, body: str) -> str:
    return f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n{body}\n</section>'


def _card(label: str, value: str, note: str) -> str:
    small = f'<dd class="note">{_text(note)}</dd>' if note else ""
    return f"<div><dt>{_text(label)}</dt><dd>{_text(value)}</dd>{small}</div>"


def _version_note(facts: Facts) -> str:
    others = [name for name in facts.possible.versions if name != facts.chosen.version]
    return f"Also possible: {', '.join(others)}." if others else "The only one both ends have."


def _suite_note(chosen: Chosen) -> str:
    return protection(chosen.suite or "").replace("AEAD", "authenticated encryption")


def _group_note(chosen: Chosen) -> str:
    if chosen.group is None:
        return "No ephemeral key was exchanged."
    return "Safe against quantum computers too." if "MLKEM" in chosen.group.upper() else "Ephemeral."


def _alpn_note(facts: Facts) -> str:
    if not facts.client.alpn:
        return "The client offered none."
    return f"Offered: {', '.join(facts.client.alpn)}."


def _session_note(chosen: Chosen, client: Offered) -> str:
    tried = client.psk_identities or (client.session_ticket or 0) > 0
    notes = []
    if not chosen.resumed:
        notes.append("The client tried to resume one." if tried else "The client had none to resume.")
    if chosen.early_data != "not sent":
        notes.append(f"Early data: {chosen.early_data}.")
    return " ".join(notes)


def _certificate_card(certificate: ClientCertificate | None) -> tuple[str, str]:
    if certificate is None:
        return "none", "Ask for one with -verify 1 (or -Verify 1 to demand it)."
    verified = "verified" if not certificate.verify_code else certificate.verify_text
    note = f"Issuer: {certificate.issuer}. Until {certificate.not_after}. {certificate.key}. Verification: {verified}."
    return certificate.subject, note


# --- weak or outdated ------------------------------------------------------------------------------------------


def _findings(findings: Sequence[Finding]) -> str:
    found = _joined(map(_finding, findings))
    body = f'<ul class="findings">\n{found}\n</ul>' if found else "<p>Nothing. This is a modern client.</p>"
    return _section("weak", "Weak or outdated in the client's offer", body)


def _finding(finding: Finding) -> str:
    items = ""
    if finding.items:
        names = ", ".join(f"<code>{_text(name)}</code>" for name in finding.items)
        items = f"<details><summary>Offered: {len(finding.items)}</summary><p>{names}</p></details>"
    return (
        f'<li class="{finding.severity}"><h3><span class="badge">{finding.severity}</span> {_text(finding.title)}</h3>'
        f"<p>{_text(finding.reason)}</p>{items}</li>"
    )


# --- what was offered ------------------------------------------------------------------------------------------


def _offered(facts: Facts) -> str:
    client = facts.client
    tables = (
        _table("Protocol versions", client.versions),
        _table("Cipher suites", client.suites),
        _table("Groups for the key exchange", client.groups),
        _table("Key shares sent along", client.key_shares),
        _table("Signature schemes", client.signature_schemes),
        _table("Signature schemes in certificates", client.certificate_signature_schemes),
        _table("Extensions, in order", client.extensions),
    )
    words = [
        ("Server name", client.server_name or ""),
        ("ALPN", ", ".join(client.alpn)),
        ("PSK modes", ", ".join(client.psk_modes)),
    ]
    if client.problem is not None:
        words.append(("Malformed", client.problem))
    return _section("offered", "What the client offers", _words(words) + _joined(tables))


def _words(rows: Iterable[tuple[str, str]]) -> str:
    cells = _joined(
        f"<div><dt>{_text(label)}</dt><dd>{_text(value or 'none')}</dd></div>" for label, value in rows
    )
    return f'<dl class="words">\n{cells}\n</dl>\n'


def _table(title: str, items: Sequence[Item]) -> str:
    if not items:
        return ""
    rows = _joined(map(_row, items))
    return (
        f"<details open><summary>{title} <span>{len(items)}</span></summary>\n"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table>\n<thead><tr><th scope="col">Code</th>'
        f'<th scope="col">Name</th><th scope="col">Here</th><th scope="col">Remark</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div></details>"
    )


def _row(item: Item) -> str:
    return (
        f'<tr class="{item.verdict.replace(" ", "-")}"><td><code>0x{item.code:04X}</code></td>'
        f'<th scope="row">{_text(item.name)}</th><td>{VERDICTS[item.verdict]}</td><td>{_text(item.remark)}</td></tr>'
    )


# --- the server ------------------------------------------------------------------------------------------------


def _server(facts: Facts) -> str:
    server, possible = facts.server, facts.possible
    words = (
        ("Versions", ", ".join(server.versions)),
        ("Keys with a certificate", ", ".join(map(key_text, server.keys))),
        ("Security level", str(server.security_level)),
    )
    lists = _joined(
        (
            _names("Cipher suites this server supports", server.suites),
            _names("Cipher suites that could really be chosen", possible.suites),
        )
    )
    return _section("server", "What this server has", _words(words) + lists)


def _names(title: str, names: Sequence[str]) -> str:
    return f'<details><summary>{title} <span>{len(names)}</span></summary>\n<ul class="names">{"".join(_names_items(names))}</ul></details>'


def _names_items(names: Sequence[str]) -> Iterator[str]:
    return (f"<li><code>{_text(name)}</code></li>" for name in names)


_STYLE = """
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5a6678;--line:#dde2ea;
--accent:#1f5fbf;--good:#146c43;--good-ground:#e3f4ea;--weak:#a4161a;--weak-ground:#fdeaea;--old:#8a4b00;
--old-ground:#fff1dc;--note-ground:#e6eefb}
@media (prefers-color-scheme:dark){:root{--ground:#12161d;--card:#1a2029;--ink:#e7ebf2;--soft:#a0acbd;--line:#2d3644;
--accent:#8ab6ff;--good:#7ddba4;--good-ground:#17352a;--weak:#ff9a9a;--weak-ground:#3d1d20;--old:#ffc777;
--old-ground:#3a2a12;--note-ground:#1c2c47}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main{max-width:68rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.5rem}
h1{font-size:clamp(1.35rem,4vw,2.1rem);line-height:1.2;margin:.2rem 0 .6rem;overflow-wrap:anywhere;letter-spacing:-.01em}
h2{font-size:1.2rem;margin:2.4rem 0 .8rem}
h3{font-size:1rem;margin:0}
a{color:var(--accent)}
.from{margin:0;color:var(--soft);font-size:.85rem;letter-spacing:.06em;text-transform:uppercase}
.lead{margin:0;color:var(--soft);max-width:48rem}
dl,dd,ul{margin:0;padding:0}
.cards{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr))}
.cards>div,.findings>li,details{background:var(--card);border:1px solid var(--line);border-radius:.6rem}
.cards>div{padding:.85rem 1rem}
dt{color:var(--soft);font-size:.85rem}
.cards dd{font-weight:600;font-size:1.05rem;overflow-wrap:anywhere}
.cards>div:last-child{grid-column:1/-1}
.cards .note{font-weight:400;font-size:.85rem;color:var(--soft);margin-top:.15rem}
.words{display:grid;gap:.2rem 1rem;margin-bottom:1rem}
.words>div{display:grid;grid-template-columns:12rem 1fr;gap:1rem}
.words dd{overflow-wrap:anywhere}
.findings{list-style:none;display:grid;gap:.75rem}
.findings>li{padding:.85rem 1rem;border-left:.3rem solid var(--accent)}
.findings p{margin:.3rem 0 0;color:var(--soft)}
.findings details{border:0;background:none;margin:.3rem 0 0}
.findings summary{padding:0;font-weight:400;font-size:.9rem}
.badge{display:inline-block;padding:.05rem .5rem;margin-right:.4rem;border-radius:1rem;font-size:.78rem;font-weight:600;
background:var(--note-ground);color:var(--accent)}
.findings>.weak{border-left-color:var(--weak)}.weak .badge{background:var(--weak-ground);color:var(--weak)}
.findings>.outdated{border-left-color:var(--old)}.outdated .badge{background:var(--old-ground);color:var(--old)}
details{margin-bottom:.75rem}
summary{padding:.7rem 1rem;font-weight:600;cursor:pointer}
summary span{color:var(--soft);font-weight:400}
summary:focus-visible,a:focus-visible,.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.scroll{overflow-x:auto;border-top:1px solid var(--line)}
table{width:100%;min-width:46rem;table-layout:fixed;border-collapse:collapse;font-size:.9rem}
thead th:nth-child(1){width:10%}thead th:nth-child(2){width:43%}thead th:nth-child(3){width:22%}
th,td{padding:.35rem 1rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
tbody tr:last-child>*{border-bottom:0}
thead th{color:var(--soft);font-weight:500;font-size:.8rem}
tbody th{font-weight:500;overflow-wrap:anywhere}
td:nth-child(3),td:nth-child(4){color:var(--soft)}
.chosen>*{background:var(--good-ground)}
.chosen>th,.chosen>td:nth-child(3){color:var(--good);font-weight:600}
.possible>td:nth-child(3){color:var(--ink)}
.unknown>td:nth-child(3){color:var(--old)}
.names{list-style:none;padding:0 1rem .9rem;columns:20rem}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.85em}
code{white-space:nowrap}
.findings code,.names code{white-space:normal;overflow-wrap:anywhere}
pre{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem}
section:last-child{padding-bottom:3rem}
@media (max-width:36rem){.words>div{grid-template-columns:1fr;gap:0}th,td{padding:.35rem .7rem}}
"""
