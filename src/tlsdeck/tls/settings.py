"""What a context is made of: one frozen value, read once by `Context`.

Fields keep the order in which the library is told, because that order decides which setting wins and which error
a user sees first.
"""

from __future__ import annotations

from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tlsdeck.tls.candidates import Candidate
    from tlsdeck.tls.context import Context
    from tlsdeck.tls.credentials import Identity, PrivateKey, RevocationList
    from tlsdeck.tls.engines import Engine
    from tlsdeck.tls.psk import PreSharedKey
    from tlsdeck.tls.session_cache import SessionCache
    from tlsdeck.tls.srp import Password, Verifiers
    from tlsdeck.tls.stapling import Stapling
    from tlsdeck.tls.verify import Trust, VerifyParameters


class Watch(Record):
    """Which debugging events a connection emits besides the ordinary ones. Each costs a call per happening."""

    messages: bool = False
    message_parts: bool = False  # messages come with what is needed to decode them
    states: bool = False
    extensions: bool = False
    transport: bool = False
    details: bool = False  # summaries with `Details`; alerts, key updates, renegotiations, bytes at the end
    denials: bool = False  # of the security level
    permissions: bool = False  # of the security level, and its denials
    hellos: bool = False  # server: keep each client's first ClientHello, for `Connection.offer`
    offers: bool = False  # server: summaries with `Offer`
    retries: bool = False  # also what only means "not yet" on a non-blocking transport


class ServerNameRule(Record):
    """Server: which context answers to a name, and whether any other name is refused (RFC 6066 section 3)."""

    name: str
    context: Context
    fatal: bool = False


class Settings(Record):
    """Settings of one context. Options' names are those of s_client(1) and s_server(1) where they have one."""

    server: bool
    dtls: bool = False
    cookies: bool = (
        False  # server: clients have to prove their addresses, with TLS 1.3 through `Connection.admit`
    )
    sctp_label_bug: bool = False
    mtu: int | None = None  # bytes that fit an IP packet; None: ask the system (DTLS)
    properties: str | None = None  # -propquery
    ignore_unexpected_eof: bool = False
    no_ca_names: bool = False
    conf_commands: tuple[tuple[str, str | None], ...] = ()  # SSL_CONF_cmd(3), in order
    section: str | None = None  # -ssl_config
    min_version: int = 0  # code point, 0 for none
    max_version: int = 0
    session_id_prefix: str | None = None
    verify_parameters: VerifyParameters | None = None
    max_send_fragment: int | None = None  # bytes
    split_send_fragment: int | None = None  # bytes
    max_pipelines: int | None = None
    read_buffer: int | None = None  # bytes
    max_fragment_length: int | None = None  # 512, 1024, 2048 or 4096 bytes (RFC 6066 section 4)
    session_cache: bool = True
    external_cache: SessionCache | None = None  # server: used in place of libssl's own
    kernel_tls: bool = False  # have the kernel encrypt, where it can (SSL_OP_ENABLE_KTLS)
    session_timeout: int | None = None  # seconds
    session_context: bytes | None = None  # server: sessions of another one are not resumed, at most 32 bytes
    shared_tickets: bool = False  # server: tickets under the keys of tls.tickets
    release_buffers: bool = False  # a connection that is idle holds no buffers
    fallback_scsv: bool = False
    asynchronous: bool = False  # engines may work on while an operation waits for "async"

    trust: Trust | None = None  # None: trust nothing
    chain_trust: Trust | None = None
    verify_trust: Trust | None = None
    revocation_lists: tuple[RevocationList, ...] = ()
    crl_limit: int | None = None  # seconds to fetch each CRL a certificate points to; None: fetch none
    ca_names_file: str | None = None  # -requestCAfile; on a server the client CA list

    verify_peer: bool = False
    require_certificate: bool = False
    verify_tolerance: int = -1  # depth up to which errors are tolerated, -1 for all
    verify_return_error: bool = False
    verify_severe: bool = False  # of errors tolerated, one about more than an unknown issuer is the result

    dh: bool = False  # server: ephemeral Diffie-Hellman, of `dh_parameters` or the library's choice
    dh_parameters: PrivateKey | None = None
    identities: tuple[Identity, ...] = ()
    client_engine: Engine | None = None  # client: chooses certificate and key
    build_chain: bool = False
    server_info: str | None = None
    candidates: tuple[Candidate, ...] = ()  # chosen of for each connection; then `identities` are not used
    no_resume_ephemeral: bool = False

    psk: PreSharedKey | None = None
    psk_hint: str | None = None  # server, TLS 1.2 and below (RFC 4279 section 5.2)
    srp_password: Password | None = None  # client
    srp_verifiers: Verifiers | None = None  # server
    srtp_profiles: str | None = None  # -use_srtp: names of RFC 5764 and 7714, separated by colons
    next_protocols: tuple[bytes, ...] = ()  # NPN
    alpn: tuple[bytes, ...] = ()
    server_name: ServerNameRule | None = None  # server
    names: Mapping[str, Context] | None = None  # server: by name in lower case, or "*.domain"; else this one
    acknowledge_name: bool = False  # client: report whether a name was sent; server: take any name
    extensions: tuple[int, ...] = ()  # client: sent empty; the answers are ServerInfoReceived
    transparency: bool = False  # client: demand SCTs and check them (RFC 6962)
    log_list: str | None = None  # file of logs to check them with, None for the library's default one
    dane: bool = False  # client: connections may have TLSA records
    keep_sessions: bool = False  # client: emit TicketReceived
    request_staple: bool = False  # client: ask for an OCSP response
    stapling: Stapling | None = None  # server: answer such requests

    keylog: Callable[[str], None] | None = None  # gets lines of the NSS key log format
    max_early_data: int | None = None  # server: bytes that tickets promise to take
    recv_max_early_data: int | None = None  # server: bytes that are taken
    name_flags: int = 0  # X509_NAME_print_ex(3)
    halting: bool = False  # a socket reads and writes short at random (-nbio_test)
    watch: Watch = Watch()

    @property
    def asks_others(self) -> bool:
        """Whether a handshake may have to ask over the network, and take its time."""
        asks_responder = self.stapling is not None and self.stapling.file is None
        return asks_responder or self.crl_limit is not None
