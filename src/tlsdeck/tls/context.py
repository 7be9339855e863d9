"""A TLS context: SSL_CTX(3), built once from frozen `Settings`, then only read.

There are no setters on purpose: changing a context after the first connection was made of it is not safe.
Building is a list of steps in the order in which OpenSSL's own programs take them, so that of two errors the same
one is reported.
"""

from __future__ import annotations

from tlsdeck.errors import ConfigurationError, SettingError
from tlsdeck.events import ExtensionsRefused, PskHintUnused, Statistics, TemporaryDhSet
from tlsdeck.native import check, encoded, error_stack, ffi, lib, own
from tlsdeck.tls import callbacks
from tlsdeck.tls.credentials import stack_of
from tlsdeck.tls.verify import add_revocation_lists, load_trust, new_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tlsdeck.events import Event
    from tlsdeck.native import Pointer
    from tlsdeck.tls.credentials import Identity
    from tlsdeck.tls.security import Watcher
    from tlsdeck.tls.settings import Settings

# What s_server allows its internal session cache.
_SESSION_CACHE_SIZE = 128

# The session id context of a server that was not given one: the C int 1 in the machine's byte order.
_DEFAULT_ID_CONTEXT = bytes(ffi.buffer(ffi.new("int *", 1)))


class Context:
    """A context for any number of connections. What is worth telling while it is built goes to `tell`.

    Raises:
        ConfigurationError: a file, name or value in the settings cannot be used.
        SettingError: a value is not one that libssl knows.
    """

    __slots__ = ("_watcher", "pointer", "settings")

    def __init__(self, settings: Settings, tell: Callable[[Event], object] = bool) -> None:
        self.settings = settings
        method = _METHODS[settings.server, settings.dtls]()
        properties = ffi.NULL if settings.properties is None else encoded(settings.properties)
        lib.ERR_clear_error()
        self.pointer = own(lib.SSL_CTX_new_ex(ffi.NULL, properties, method), lib.SSL_CTX_free)
        self._watcher = self._watch_security()
        for step in _STEPS:
            lib.ERR_clear_error()
            event = step(self.pointer, settings)
            if event is not None:
                tell(event)
            if self._watcher:
                self._watcher.tell(tell)

    def _watch_security(self) -> Watcher | None:
        watch = self.settings.watch
        if not (watch.denials or watch.permissions):
            return None
        from tlsdeck.tls.security import Watcher

        return Watcher(self.pointer, self.settings)

    def statistics(self) -> Statistics:
        """The session counters."""
        return Statistics(*[count(self.pointer) for count in _COUNTERS])


# By `server` and `dtls`.
_METHODS: dict[tuple[bool, bool], Callable[[], Pointer]] = {
    (False, False): lib.TLS_client_method,
    (True, False): lib.TLS_server_method,
    (False, True): lib.DTLS_client_method,
    (True, True): lib.DTLS_server_method,
}
_COUNTERS = (
    lib.SSL_CTX_sess_number,
    lib.SSL_CTX_sess_connect,
    lib.SSL_CTX_sess_connect_renegotiate,
    lib.SSL_CTX_sess_connect_good,
    lib.SSL_CTX_sess_accept,
    lib.SSL_CTX_sess_accept_renegotiate,
    lib.SSL_CTX_sess_accept_good,
    lib.SSL_CTX_sess_hits,
    lib.SSL_CTX_sess_misses,
    lib.SSL_CTX_sess_timeouts,
    lib.SSL_CTX_sess_cb_hits,
    lib.SSL_CTX_sess_cache_full,
    lib.SSL_CTX_sess_get_cache_size,
)


def _verify_mode(settings: Settings) -> int:
    mode: int = lib.SSL_VERIFY_NONE
    if settings.verify_peer:
        mode |= lib.SSL_VERIFY_PEER
        if settings.server:
            mode |= lib.SSL_VERIFY_CLIENT_ONCE
    if settings.require_certificate:
        mode |= lib.SSL_VERIFY_FAIL_IF_NO_PEER_CERT
    return mode


# --- protocol --------------------------------------------------------------------------------------------------


def _modes(context: Pointer, settings: Settings) -> None:
    lib.SSL_CTX_clear_mode(context, lib.SSL_MODE_AUTO_RETRY)
    # The caller keeps the data of an unfinished write, not always at the same address.
    lib.SSL_CTX_set_mode(context, lib.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)
    if settings.fallback_scsv:
        lib.SSL_CTX_set_mode(context, lib.SSL_MODE_SEND_FALLBACK_SCSV)
    if settings.asynchronous:
        lib.SSL_CTX_set_mode(context, lib.SSL_MODE_ASYNC)
    if settings.release_buffers:
        lib.SSL_CTX_set_mode(context, lib.SSL_MODE_RELEASE_BUFFERS)
    if settings.ignore_unexpected_eof:
        lib.SSL_CTX_set_options(context, lib.SSL_OP_IGNORE_UNEXPECTED_EOF)
    if settings.kernel_tls:
        lib.SSL_CTX_set_options(context, lib.SSL_OP_ENABLE_KTLS)
    if settings.no_ca_names:
        lib.SSL_CTX_set_options(context, lib.SSL_OP_DISABLE_TLSEXT_CA_NAMES)


def _conf_commands(context: Pointer, settings: Settings) -> None:
    conf = own(lib.SSL_CONF_CTX_new(), lib.SSL_CONF_CTX_free)
    role = lib.SSL_CONF_FLAG_SERVER if settings.server else lib.SSL_CONF_FLAG_CLIENT
    lib.SSL_CONF_CTX_set_flags(conf, lib.SSL_CONF_FLAG_CMDLINE | role)
    lib.SSL_CONF_CTX_set_ssl_ctx(conf, context)
    for name, value in settings.conf_commands:
        argument = ffi.NULL if value is None else encoded(value)
        if lib.SSL_CONF_cmd(conf, b"-" + encoded(name), argument) <= 0:
            shown = "<NULL>" if value is None else value
            raise ConfigurationError(f"Call to SSL_CONF_cmd(-{name}, {shown}) failed", error_stack())
    if not lib.SSL_CONF_CTX_finish(conf):
        raise ConfigurationError("Error finishing context", error_stack())


def _early_data(context: Pointer, settings: Settings) -> None:
    if settings.max_early_data is not None:
        lib.SSL_CTX_set_max_early_data(context, settings.max_early_data)
    if settings.recv_max_early_data is not None:
        lib.SSL_CTX_set_recv_max_early_data(context, settings.recv_max_early_data)


def _cookies(context: Pointer, settings: Settings) -> None:
    if settings.cookies and not settings.dtls:
        from tlsdeck.tls.cookies import install

        install(context)


def _section(context: Pointer, settings: Settings) -> None:
    if settings.section is not None and not lib.SSL_CTX_config(context, encoded(settings.section)):
        raise ConfigurationError(f'Error using configuration "{settings.section}"', error_stack())


def _versions(context: Pointer, settings: Settings) -> None:
    limits = (
        (lib.SSL_CTX_set_min_proto_version, settings.min_version),
        (lib.SSL_CTX_set_max_proto_version, settings.max_version),
    )
    for limit, version in limits:
        if version and not limit(context, version):
            raise SettingError(f"Unknown protocol version 0x{version:04X}", error_stack())


def _datagrams(context: Pointer, settings: Settings) -> None:
    if not settings.dtls:
        return
    if settings.mtu is not None:
        lib.SSL_CTX_set_options(context, lib.SSL_OP_NO_QUERY_MTU)
    if settings.sctp_label_bug:
        lib.SSL_CTX_set_mode(context, lib.SSL_MODE_DTLS_SCTP_LABEL_LENGTH_BUG)
    if settings.cookies:
        from tlsdeck.tls import datagram

        datagram.ask_for_cookies(context)


def _session_ids(context: Pointer, settings: Settings) -> None:
    if settings.session_id_prefix is not None:
        check(lib.SSL_CTX_set_generate_session_id(context, lib.tlsdeck_session_id))
    if settings.no_resume_ephemeral:
        lib.SSL_CTX_set_not_resumable_session_callback(context, lib.tlsdeck_not_resumable)


def _info(context: Pointer, settings: Settings) -> None:
    if settings.watch.states or settings.watch.details:
        lib.SSL_CTX_set_info_callback(context, lib.tlsdeck_info)


def _messages(context: Pointer, settings: Settings) -> None:
    watch = settings.watch
    tell = watch.messages or watch.details
    if settings.server and (watch.hellos or watch.offers or watch.details):
        lib.tlsdeck_keep_hellos(context, tell)
    elif tell:
        lib.SSL_CTX_set_msg_callback(context, lib.tlsdeck_message)


def _session_cache(context: Pointer, settings: Settings) -> None:
    if not settings.server:
        mode = lib.SSL_SESS_CACHE_CLIENT | lib.SSL_SESS_CACHE_NO_INTERNAL_STORE
        lib.SSL_CTX_set_session_cache_mode(context, mode)
        if settings.keep_sessions:
            lib.SSL_CTX_sess_set_new_cb(context, lib.tlsdeck_new_session)
    elif not settings.session_cache:
        lib.SSL_CTX_set_session_cache_mode(context, lib.SSL_SESS_CACHE_OFF)
    elif settings.external_cache is not None:
        settings.external_cache.install(context)
    else:
        lib.SSL_CTX_sess_set_cache_size(context, _SESSION_CACHE_SIZE)
    if settings.session_timeout is not None:
        lib.SSL_CTX_set_timeout(context, settings.session_timeout)
    if settings.shared_tickets:
        check(lib.tlsdeck_share_tickets(context))


_LIMITS: tuple[tuple[str, Callable[[Pointer, int], int], str], ...] = (
    ("max_send_fragment", lib.SSL_CTX_set_max_send_fragment, "Max send fragment size {} is out of permitted range"),
    ("split_send_fragment", lib.SSL_CTX_set_split_send_fragment,
     "Split send fragment size {} is out of permitted range"),
    ("max_pipelines", lib.SSL_CTX_set_max_pipelines, "Max pipelines {} is out of permitted range"),
)  # fmt: skip


def _limits(context: Pointer, settings: Settings) -> None:
    for field, limit, message in _LIMITS:
        value: int | None = getattr(settings, field)
        if value is not None and not limit(context, value):
            raise SettingError(message.format(value))
    if settings.read_buffer is not None:
        lib.SSL_CTX_set_default_read_buffer_len(context, settings.read_buffer)


_FRAGMENT_MODES: dict[int, int] = {
    512: lib.TLSEXT_max_fragment_length_512,
    1024: lib.TLSEXT_max_fragment_length_1024,
    2048: lib.TLSEXT_max_fragment_length_2048,
    4096: lib.TLSEXT_max_fragment_length_4096,
}


def _fragment_length(context: Pointer, settings: Settings) -> None:
    length = settings.max_fragment_length
    if length is None:
        return
    if length not in _FRAGMENT_MODES:
        raise SettingError(f"Max Fragment Len {length} is out of permitted values")
    check(lib.SSL_CTX_set_tlsext_max_fragment_length(context, _FRAGMENT_MODES[length]))


# --- trust -----------------------------------------------------------------------------------------------------


def _parameters(context: Pointer, settings: Settings) -> None:
    parameters = settings.verify_parameters
    if parameters is not None and not lib.SSL_CTX_set1_param(context, parameters.pointer):
        raise ConfigurationError("Error setting verify params", error_stack())


def _stores(context: Pointer, settings: Settings) -> None:
    if settings.chain_trust:
        lib.SSL_CTX_set1_chain_cert_store(context, new_store(settings.chain_trust))
    if settings.verify_trust:
        store = new_store(settings.verify_trust, settings.revocation_lists)
        lib.SSL_CTX_set1_verify_cert_store(context, store)
        _download_crls(store, settings)


def _trust(context: Pointer, settings: Settings) -> None:
    if settings.trust:
        load_trust(context, settings.trust)
    store = lib.SSL_CTX_get_cert_store(context)
    add_revocation_lists(store, settings.revocation_lists)
    _download_crls(store, settings)


def _download_crls(store: Pointer, settings: Settings) -> None:
    if settings.crl_limit is not None:
        from tlsdeck.tls import revocation

        revocation.download_crls(store)


def _ca_names(context: Pointer, settings: Settings) -> None:
    if settings.ca_names_file is None:
        return
    file = encoded(settings.ca_names_file)
    if settings.server:
        lib.SSL_CTX_set_client_CA_list(context, lib.SSL_load_client_CA_file(file))
        return
    names = lib.sk_X509_NAME_new_null()
    if not lib.SSL_add_file_cert_subjects_to_stack(names, file):
        stack = error_stack()
        lib.sk_X509_NAME_free(names)
        raise ConfigurationError("Error loading CA names", stack)
    lib.SSL_CTX_set0_CA_list(context, names)


def _verification(context: Pointer, settings: Settings) -> None:
    lib.SSL_CTX_set_verify(context, _verify_mode(settings), lib.tlsdeck_verify)


# --- identity --------------------------------------------------------------------------------------------------


def _temporary_keys(context: Pointer, settings: Settings) -> Event | None:
    if not settings.dh:
        return None
    if settings.dh_parameters is None:
        lib.SSL_CTX_set_dh_auto(context, 1)
        return TemporaryDhSet(from_file=False)
    lib.EVP_PKEY_up_ref(settings.dh_parameters.pointer)
    if not lib.SSL_CTX_set0_tmp_dh_pkey(context, settings.dh_parameters.pointer):
        stack = error_stack()
        lib.EVP_PKEY_free(settings.dh_parameters.pointer)
        raise ConfigurationError("Error setting temp DH parameters", stack)
    return TemporaryDhSet(from_file=True)


def _identities(context: Pointer, settings: Settings) -> None:
    for position, identity in enumerate(settings.identities):
        _use(context, identity, settings.build_chain)
        if settings.server and not (identity.chain or settings.build_chain or settings.candidates):
            _complete_chain(context)
        if position == 0 and settings.server_info is not None:
            lib.ERR_clear_error()
            if not lib.SSL_CTX_use_serverinfo_file(context, encoded(settings.server_info)):
                raise ConfigurationError("", error_stack())


def _candidates(context: Pointer, settings: Settings) -> None:
    if settings.candidates:
        lib.SSL_CTX_set_cert_cb(context, lib.tlsdeck_candidates, ffi.NULL)


def _client_engine(context: Pointer, settings: Settings) -> None:
    engine = settings.client_engine
    if engine is not None and not lib.SSL_CTX_set_client_cert_engine(context, engine.pointer):
        raise ConfigurationError("Error setting client auth engine", error_stack())


def _use(context: Pointer, identity: Identity, build_chain: bool) -> None:
    certificate, key = identity.certificate.pointer, identity.key.pointer
    _used(lib.SSL_CTX_use_certificate(context, certificate), "error setting certificate")
    _used(lib.SSL_CTX_use_PrivateKey(context, key), "error setting private key")
    if not lib.SSL_CTX_check_private_key(context):
        raise ConfigurationError("Private key does not match the certificate public key")
    if identity.chain:
        with_chain = lib.SSL_CTX_set1_chain(context, stack_of(identity.chain))
        _used(with_chain, "error setting certificate chain")
    if build_chain:
        flags = lib.SSL_BUILD_CHAIN_FLAG_CHECK if identity.chain else 0
        _used(lib.SSL_CTX_build_cert_chain(context, flags), "error building certificate chain")


def _complete_chain(context: Pointer) -> None:
    """Looks for the certificates to send along once, as libssl would otherwise do in every handshake.

    A chain that cannot be completed is sent as far as it goes. If libssl finds fault with it, the context is left
    as it was, and a client gets to see why.
    """
    ignore = lib.SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR | lib.SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR
    if lib.SSL_CTX_build_cert_chain(context, ignore):
        lib.SSL_CTX_set_mode(context, lib.SSL_MODE_NO_AUTO_CHAIN)


def _used(result: int, message: str) -> None:
    if not result:
        raise ConfigurationError(message, error_stack())


# --- what the application answers ------------------------------------------------------------------------------


def _id_context(context: Pointer, settings: Settings) -> None:
    if settings.server:
        name = _DEFAULT_ID_CONTEXT if settings.session_context is None else settings.session_context
        check(lib.SSL_CTX_set_session_id_context(context, name, len(name)))


def _server_name(context: Pointer, settings: Settings) -> None:
    if settings.names or (settings.server and settings.acknowledge_name):
        lib.SSL_CTX_set_tlsext_servername_callback(context, lib.tlsdeck_named_context)
    elif settings.server_name:
        lib.SSL_CTX_set_tlsext_servername_callback(context, lib.tlsdeck_server_name)
    elif settings.acknowledge_name:
        lib.SSL_CTX_set_tlsext_servername_callback(context, lib.tlsdeck_client_name)


def _alpn(context: Pointer, settings: Settings) -> None:
    if settings.server and settings.alpn:
        lib.SSL_CTX_set_alpn_select_cb(context, lib.tlsdeck_alpn, ffi.NULL)
    elif settings.alpn:
        wire = alpn_wire(settings.alpn)
        # Unlike its neighbours this one returns 0 for success.
        check(not lib.SSL_CTX_set_alpn_protos(context, wire, len(wire)), "Error setting ALPN")


def alpn_wire(protocols: tuple[bytes, ...]) -> bytes:
    """A protocol list as RFC 7301 section 3.1 encodes it.

    Raises:
        SettingError: a name is empty or longer than 255 bytes.
    """
    wrong = next((name for name in protocols if not 0 < len(name) <= 255), None)
    if wrong is not None:
        raise SettingError(f"Not a protocol name: {wrong!r}")
    return b"".join(bytes([len(name)]) + name for name in protocols)


def _extensions(context: Pointer, settings: Settings) -> Event | None:
    refused = [kind for kind in settings.extensions if not _offer(context, kind)]
    return ExtensionsRefused(tuple(refused)) if refused else None


def _offer(context: Pointer, kind: int) -> bool:
    null = ffi.NULL
    return bool(
        lib.SSL_CTX_add_client_custom_ext(context, kind, null, null, null, lib.tlsdeck_server_info, null)
    )


def _transparency(context: Pointer, settings: Settings) -> None:
    if settings.transparency:
        from tlsdeck.tls import transparency

        transparency.enable(context, settings.log_list)


def _dane(context: Pointer, settings: Settings) -> None:
    if settings.dane:
        check(lib.SSL_CTX_dane_enable(context), "Error enabling DANE TLSA authentication.")


def _staples(context: Pointer, settings: Settings) -> None:
    if not settings.request_staple and settings.stapling is None:
        return
    from tlsdeck.tls import stapling

    if settings.server:
        stapling.offer_staples(context)
    else:
        stapling.request_staple(context)


def _next_protocols(context: Pointer, settings: Settings) -> None:
    if settings.next_protocols:
        from tlsdeck.tls import npn

        npn.install(context, settings)


def _srtp(context: Pointer, settings: Settings) -> None:
    profiles = settings.srtp_profiles
    # As with ALPN, 0 is success.
    if profiles is not None and lib.SSL_CTX_set_tlsext_use_srtp(context, encoded(profiles)):
        raise ConfigurationError("Error setting SRTP profile", error_stack())


def _psk(context: Pointer, settings: Settings) -> Event | None:
    if settings.psk is None:
        return None
    from tlsdeck.tls import psk

    return psk.install(context, settings.psk, server=settings.server)


def _psk_hint(context: Pointer, settings: Settings) -> Event | None:
    if settings.psk_hint is None:
        return None
    if settings.min_version == lib.TLS1_3_VERSION:
        return PskHintUnused()
    if not lib.SSL_CTX_use_psk_identity_hint(context, encoded(settings.psk_hint)):
        raise ConfigurationError("error setting PSK identity hint to context", error_stack())
    return None


def _srp(context: Pointer, settings: Settings) -> None:
    if settings.srp_password or settings.srp_verifiers:
        from tlsdeck.tls import srp

        srp.install(context, settings)


def _keylog(context: Pointer, settings: Settings) -> None:
    if settings.keylog:
        lib.SSL_CTX_set_keylog_callback(context, lib.tlsdeck_keylog)


_STEPS: tuple[Callable[[Pointer, Settings], Event | None], ...] = (
    _modes,
    _conf_commands,
    _section,
    _versions,
    _datagrams,
    _session_ids,
    _info,
    _messages,
    _session_cache,
    _limits,
    _fragment_length,
    _parameters,
    _stores,
    _ca_names,
    _srtp,
    _candidates,
    _client_engine,
    _next_protocols,
    _alpn,
    _extensions,
    _transparency,
    _verification,
    _trust,
    _temporary_keys,
    _identities,
    _psk,
    _psk_hint,
    _id_context,
    _cookies,
    _server_name,
    _srp,
    _dane,
    _staples,
    _keylog,
    _early_data,
)

_CALLBACKS = callbacks  # imported for its definitions: an SSL_CTX must never call into nothing
