"""The servers: a function each, that writes the configuration and gives the command line, and a row of SERVERS.

A new one: its package in packages.txt, its function, its row. The files of the test PKI are in its directory already.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from interop.daemons import Place, Server, program


def dovecot(place: Place) -> Sequence[str]:
    """Mail for whoever knows the password `secret`."""
    (place.path / "mail").mkdir()
    (place.path / "mail").chmod(0o777)  # its processes have users of their own
    services = {"imap": "imap-login", "pop3": "pop3-login", "sieve": "managesieve-login", "lmtp": "lmtp"}
    listeners = "".join(
        f"service {service} {{\n inet_listener {protocol} {{\n address = 127.0.0.1\n port = {place.ports[protocol]}\n }}\n }}\n"
        for protocol, service in services.items()
    )
    config = place.write(
        "dovecot.conf",
        f"""
        base_dir = {place}/run
        state_dir = {place}/state
        log_path = /dev/stderr
        protocols = imap pop3 lmtp sieve
        ssl = yes
        ssl_cert = <{place}/fullchain.pem
        ssl_key = <{place}/chain.key
        mail_location = maildir:{place}/mail/%u
        mail_uid = nobody
        mail_gid = nogroup
        passdb {{
          driver = static
          args = password=secret
        }}
        userdb {{
          driver = static
          args = uid=nobody gid=nogroup home={place}/mail/%u
        }}
        service imap-login {{
          inet_listener imaps {{
            port = 0
          }}
        }}
        service pop3-login {{
          inet_listener pop3s {{
            port = 0
          }}
        }}
        {listeners}
        """,
    )
    return [program("dovecot"), "-F", "-c", str(config)]


def gnutls(place: Place) -> Sequence[str]:
    """Says every line again. Asks for a client's certificate, and is content without."""
    identity = ["--x509certfile", "fullchain.pem", "--x509keyfile", "chain.key"]
    clients = ["--x509cafile", "root.pem", "--verify-client-cert"]
    protocols = ["--alpn", "echo/1", "--alpn", "echo/2"]
    # It has no option for the address and listens on all of them.
    port = ["--port", str(place.ports["echo"])]
    return [program("gnutls-serv"), "--echo", *identity, *clients, *protocols, *port]


def inn(place: Place) -> Sequence[str]:
    """The part of INN that readers talk to. It finds an empty spool."""
    config = place.write(
        "inn.conf",
        f"""
        domain: example.net
        mta: "/bin/true %s"
        runasuser: {place.user}
        runasgroup: {place.user}
        hismethod: hisv6
        ovmethod: tradindexed
        pathnews: /usr/lib/news
        pathdb: {place}
        pathetc: {place}
        pathrun: {place}
        pathspool: {place}
        pathtmp: {place}
        pathlog: {place}
        tlscertfile: {place}/fullchain.pem
        tlskeyfile: {place}/chain.key
        tlscafile: {place}/root.pem
        """,
    )
    place.write("active", "control 0000000000 0000000001 n\ntest.group 0000000000 0000000001 y\n")
    place.write("newsgroups", "test.group\tfor tests\n")
    place.write("storage.conf", "method tradspool { newsgroups: * class: 0 }\n")
    place.write(
        "readers.conf",
        """
        auth all { hosts: "*" default: "<anonymous>" }
        access all { users: "*" newsgroups: "*" access: R }
        """,
    )
    (place.path / "overview").mkdir()
    place.run("env", f"INNCONF={config}", program("makehistory"), "-O", "-x")  # makes the overview
    listen = ["-b", "127.0.0.1", "-p", str(place.ports["nntp"])]
    return ["env", f"INNCONF={config}", program("nnrpd"), "-D", "-f", *listen]


def inspircd(place: Place) -> Sequence[str]:
    config = place.write(
        "inspircd.conf",
        f"""
        <server name="irc.example.net" description="test" network="Test" id="97K">
        <admin name="test" nick="test" email="test@example.net">
        <bind address="127.0.0.1" port="{place.ports["irc"]}" type="clients">
        <connect allow="*" timeout="60" resolvehostnames="no" useident="no" localmax="100" globalmax="100">
        <log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="/dev/stderr">
        <dns timeout="1" server="127.0.0.1">
        <options nouserdns="yes">
        <sslprofile name="test" provider="gnutls" certfile="{place}/fullchain.pem" keyfile="{place}/chain.key" onlysys="no">
        <module name="ssl_gnutls">
        <module name="starttls">
        <starttls sslprofile="test">
        """,
    )
    return [program("inspircd"), "--config", str(config), "--nofork", "--nolog", "--nopid"]


def mariadb(place: Place) -> Sequence[str]:
    config = place.write(
        "my.cnf",
        f"""
[mariadbd]
datadir = {place}/data
socket = {place}/socket
bind_address = 127.0.0.1
port = {place.ports["mysql"]}
skip_name_resolve
skip_grant_tables
default_storage_engine = Aria
skip_innodb
ssl_cert = {place}/fullchain.pem
ssl_key = {place}/chain.key
ssl_ca = {place}/root.pem
""",
    )
    (place.path / "data").mkdir()
    return [program("mariadbd"), f"--defaults-file={config}"]


def nginx(place: Place) -> Sequence[str]:
    """HTTP/1.1 and HTTP/2; another certificate for other.example; may ask for a client's certificate."""
    config = place.write(
        "nginx.conf",
        f"""
        daemon off;
        pid {place}/pid;
        error_log stderr info;
        events {{ }}
        http {{
            access_log off;
            client_body_temp_path {place}/body;
            proxy_temp_path {place}/proxy;
            fastcgi_temp_path {place}/fastcgi;
            uwsgi_temp_path {place}/uwsgi;
            scgi_temp_path {place}/scgi;
            ssl_protocols TLSv1.2 TLSv1.3;
            ssl_session_cache shared:all:1m;
            default_type text/plain;
            server {{
                listen 127.0.0.1:{place.ports["https"]} ssl http2;
                server_name localhost;
                ssl_certificate {place}/fullchain.pem;
                ssl_certificate_key {place}/chain.key;
                ssl_client_certificate {place}/root.pem;
                ssl_verify_client optional;
                return 200 "this is localhost, you are $ssl_client_s_dn\\n";
            }}
            server {{
                listen 127.0.0.1:{place.ports["https"]} ssl http2;
                server_name other.example;
                ssl_certificate {place}/other.pem;
                ssl_certificate_key {place}/other.key;
                return 200 "this is other.example\\n";
            }}
        }}
        """,
    )
    return [program("nginx"), "-c", str(config), "-e", "stderr"]


def nss(place: Place) -> Sequence[str]:
    """NSS's selfserv: the same answer to every HTTP request. It has no option for the address either."""
    nss_database(place)
    place.write("request", "GET / HTTP/1.0\r\n\r\n")  # for tstclnt, which stays for ever when it reads stdin
    words = [
        "-d",
        f"sql:{place}/nss",
        "-n",
        "localhost",
        "-w",
        "",
        "-p",
        str(place.ports["https"]),
        "-V",
        "tls1.2:tls1.3",
    ]
    return [program("selfserv"), *words, "-u", "-r"]  # with tickets; a client's certificate is asked for


def nss_database(place: Place) -> None:
    """What NSS has for files: nss/ knows the authority and the server's certificate, which is called localhost."""
    (place.path / "nss").mkdir()
    database = ["-d", f"sql:{place}/nss"]
    place.run(program("certutil"), *database, "-N", "--empty-password")
    place.run(program("certutil"), *database, "-A", "-n", "root", "-t", "CT,C,", "-i", "root.pem")
    place.run(program("pk12util"), *database, "-i", "open.p12", "-W", "", "-K", "")


def postfix(place: Place) -> Sequence[str]:
    place.write(
        "etc/main.cf",
        f"""
compatibility_level = 3.6
queue_directory = {place}/queue
data_directory = {place}/data
myhostname = mail.example.net
mydestination = localhost
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = {place}/log
maillog_file_prefixes = {place}
alias_maps =
alias_database =
local_recipient_maps =
smtpd_tls_security_level = may
smtpd_tls_cert_file = {place}/fullchain.pem
smtpd_tls_key_file = {place}/chain.key
smtpd_relay_restrictions = permit_mynetworks, reject
""",
    )
    place.write(
        "etc/master.cf",
        f"""
127.0.0.1:{place.ports["smtp"]} inet n - n - - smtpd
rewrite unix - - n - - trivial-rewrite
cleanup unix n - n - 0 cleanup
bounce unix - - n - 0 bounce
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
qmgr unix n - n 300 1 qmgr
postlog unix-dgram n - n - 1 postlogd
""",
    )
    (place.path / "queue").mkdir()
    place.run(program("postfix"), "-c", f"{place}/etc", "check")  # makes its directories
    return [program("master"), "-c", f"{place}/etc", "-d", "-s"]


def postgres(place: Place) -> Sequence[str]:
    place.run(program("initdb"), "-D", f"{place}/data", "-U", "postgres", "--no-sync", "-A", "trust")
    place.write(
        "data/postgresql.conf",
        f"""
listen_addresses = '127.0.0.1'
port = {place.ports["postgres"]}
unix_socket_directories = ''
fsync = off
ssl = on
ssl_cert_file = '{place}/fullchain.pem'
ssl_key_file = '{place}/chain.key'
ssl_ca_file = '{place}/root.pem'
""",
    )
    return [program("postgres"), "-D", f"{place}/data"]


def prosody(place: Place) -> Sequence[str]:
    config = place.write(
        "prosody.cfg.lua",
        f"""
        daemonize = false
        pidfile = "{place}/pid"
        data_path = "{place}/data"
        log = {{ info = "*console" }}
        modules_enabled = {{ "tls", "saslauth", "dialback", "disco" }}
        modules_disabled = {{ "admin_shell" }}
        interfaces = {{ "127.0.0.1" }}
        c2s_ports = {{ {place.ports["xmpp"]} }}
        s2s_ports = {{ {place.ports["xmpp-server"]} }}
        c2s_require_encryption = true
        s2s_require_encryption = true
        authentication = "internal_hashed"
        ssl = {{ key = "{place}/chain.key", certificate = "{place}/fullchain.pem" }}
        VirtualHost "localhost"
        """,
    )
    (place.path / "data").mkdir()
    return [program("prosody"), "--config", str(config), "-F"]


def slapd(place: Place) -> Sequence[str]:
    config = place.write(
        "slapd.conf",
        f"""
include /etc/ldap/schema/core.schema
TLSCertificateFile {place}/chain.pem
TLSCertificateKeyFile {place}/chain.key
TLSCACertificateFile {place}/cas.pem
""",
    )
    return [
        program("slapd"),
        "-d",
        "stats",
        "-f",
        str(config),
        "-h",
        f"ldap://127.0.0.1:{place.ports['ldap']}/",
    ]


def squid(place: Place) -> Sequence[str]:
    """A proxy that asks for name and password."""
    place.write("users", "alice:$1$salt$ez2vlPGdaLYkJam5pWs/Y1\n")  # openssl passwd -1 -salt salt secret
    config = place.write(
        "squid.conf",
        f"""
http_port 127.0.0.1:{place.ports["proxy"]}
pid_filename none
access_log none
cache_log /dev/stderr
cache_store_log none
cache_mem 1 MB
coredump_dir {place}
auth_param basic program /usr/lib/squid/basic_ncsa_auth {place}/users
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
shutdown_lifetime 0 seconds
pinger_enable off
""",
    )
    return [program("squid"), "-N", "-f", str(config)]


def tinyproxy(place: Place) -> Sequence[str]:
    config = place.write("tinyproxy.conf", tinyproxy_conf(place))
    return [program("tinyproxy"), "-d", "-c", str(config)]


def tinyproxy_auth(place: Place) -> Sequence[str]:
    """The same, and it asks for name and password."""
    config = place.write("tinyproxy.conf", tinyproxy_conf(place) + "BasicAuth alice secret\n")
    return [program("tinyproxy"), "-d", "-c", str(config)]


def tinyproxy_conf(place: Place) -> str:
    return f"""
Port {place.ports["proxy"]}
Listen 127.0.0.1
Timeout 60
MaxClients 20
Allow 127.0.0.1
"""


def vsftpd(place: Place) -> Sequence[str]:
    config = place.write(
        "vsftpd.conf",
        f"""listen=YES
listen_address=127.0.0.1
listen_port={place.ports["ftp"]}
background=NO
run_as_launching_user=YES
anonymous_enable=YES
anon_root={place}/files
local_enable=NO
secure_chroot_dir={place}/files
ssl_enable=YES
allow_anon_ssl=YES
ssl_tlsv1=YES
vsftpd_log_file={place}/log
log_ftp_protocol=YES
xferlog_enable=YES
rsa_cert_file={place}/fullchain.pem
rsa_private_key_file={place}/chain.key
seccomp_sandbox=NO
""",
    )
    place.write("files/hello.txt", "hello\n")
    return [program("vsftpd"), str(config)]


SERVERS = {
    "dovecot": Server(dovecot, ("imap", "pop3", "sieve", "lmtp"), user="root"),
    "gnutls": Server(gnutls, ("echo",)),
    "inn": Server(inn, ("nntp",), user="news"),  # nobody else may run INN's programs
    "inspircd": Server(inspircd, ("irc",)),
    "mariadb": Server(mariadb, ("mysql",)),
    "nginx": Server(nginx, ("https",)),
    "nss": Server(nss, ("https",)),
    "postfix": Server(postfix, ("smtp",), user="root"),
    "postgres": Server(postgres, ("postgres",), ready="ready to accept connections", stop=signal.SIGINT),
    "prosody": Server(prosody, ("xmpp", "xmpp-server")),
    "slapd": Server(slapd, ("ldap",)),
    "squid": Server(squid, ("proxy",)),
    "tinyproxy": Server(tinyproxy, ("proxy",)),
    "tinyproxy-auth": Server(tinyproxy_auth, ("proxy",)),
    "vsftpd": Server(vsftpd, ("ftp",)),
}
