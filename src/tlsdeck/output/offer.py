"""-offer: each client's whole offer, decoded, in lines of our own below the classic report."""

from __future__ import annotations

from tlsdeck import events
from tlsdeck.output.facts import VERDICTS, facts, key_text
from tlsdeck.output.printer import Printer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tlsdeck.events import Offer, Summary
    from tlsdeck.output.facts import Facts, Item
    from tlsdeck.output.printer import Table
    from tlsdeck.output.stream import Stream
    from tlsdeck.output.weaknesses import Finding


class OfferReport(Printer):
    """The offer of a client, whether its handshake ended well or badly."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, _ENDS)


def _handshake_ended(event: events.HandshakeCompleted | events.HandshakeFailed) -> str:
    offer = event.summary.offer
    return "" if offer is None else offer_text(event.summary, offer)


_ENDS: Table = {events.HandshakeCompleted: _handshake_ended, events.HandshakeFailed: _handshake_ended}


def offer_text(summary: Summary, offer: Offer) -> str:
    """The whole report."""
    return "---\nClient's offer\n" + "".join(_lines(facts(summary, offer)))


def _lines(found: Facts) -> Iterable[str]:
    client, server, possible = found.client, found.server, found.possible
    yield _list("Server name offered", () if client.server_name is None else (client.server_name,))
    yield _table("Versions offered", client.versions)
    yield _list("Versions supported here", server.versions)
    yield _list("Versions that could be chosen", possible.versions)
    yield _table("Cipher suites offered", client.suites)
    yield _list("Cipher suites supported here", server.suites)
    yield _list("Cipher suites that could be chosen", possible.suites)
    yield _list("Keys of certificates here", tuple(map(key_text, server.keys)))
    yield f"Security level here: {server.security_level}\n"
    yield _table("Groups offered", client.groups)
    yield _list("Groups that could be chosen", possible.groups)
    yield _table("Key shares sent", client.key_shares)
    yield _table("Signature schemes offered", client.signature_schemes)
    yield _list("Signature schemes that could be chosen", possible.signature_schemes)
    if client.certificate_signature_schemes:
        yield _table("Signature schemes offered for certificates", client.certificate_signature_schemes)
    yield _list("ALPN protocols offered", client.alpn)
    yield _table("Extensions sent", client.extensions)
    yield _list("PSK modes offered", client.psk_modes)
    if client.problem is not None:
        yield f"Malformed from here on: {client.problem}\n"
    yield "Weak or outdated in it:" + ("\n" if found.findings else " nothing\n")
    yield from map(_finding, found.findings)


def _list(label: str, words: Sequence[str]) -> str:
    return f"{label}: {':'.join(map(_shown, words)) or 'none'}\n"


def _table(label: str, items: Sequence[Item]) -> str:
    return f"{label}:{'' if items else ' none'}\n" + "".join(map(_item, items))


def _item(item: Item) -> str:
    words = [VERDICTS[item.verdict]] if item.verdict != "sent" else []
    if item.remark:
        words.append(item.remark)
    return f"    0x{item.code:04X} {_shown(item.name):<46} {'; '.join(words)}".rstrip() + "\n"


def _finding(finding: Finding) -> str:
    items = f"\n        {', '.join(finding.items)}" if finding.items else ""
    return f"    {finding.title} ({finding.severity}): {finding.reason}{items}\n"


def _shown(text: str) -> str:
    """Text from the network must not make a terminal do things."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
