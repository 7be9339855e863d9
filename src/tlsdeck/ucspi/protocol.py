"""The messages between supervisor and worker: what stands in their fields. `channel` carries them.

From the supervisor:

    client NUMBER OTHERS REMOTE-IP REMOTE-PORT SCOPE  + socket   a connection; OTHERS come from the same address
    rules WHICH ok                                    + file     the rules from now on
    rules WHICH none                                             there are none, and that is fine
    rules WHICH error REASON                                     they cannot be read
    keys HEX                                                     ticket keys from now on
    drain                                                        end when the last connection has ended

From a worker:

    ready                                                        it takes connections
    failed REASON                                                it cannot, and ends
    start NUMBER WHO ITEM...                          + 2 files  run the program: its input and output
                                                      + 4 files  with UCSPI-TLS: the socket, and the three for it
    deny NUMBER WHO LIMIT                                        refused; LIMIT is that of a rule, or empty
    tls NUMBER WHAT                                              the handshake is complete
    certified NUMBER                                             the client's certificate is good
    trouble NUMBER LINE REASON                                   a line for the log
    done NUMBER CODE FATE                                        nothing more will come about this connection;
                                                                 what is to become of its program
    rules WHICH                                                  the file did not arrive: send it again, some time

A worker is what an attacker would take over first. What it can make the supervisor do is in this list: start the one
program, with variables of its choosing, as the user of `-u`; write lines to the log; terminate that program.
"""

from __future__ import annotations

CLIENT, RULES, KEYS, DRAIN = b"client", b"rules", b"keys", b"drain"
READY, FAILED, START, DENY, TLS, CERTIFIED, TROUBLE, DONE = (
    b"ready",
    b"failed",
    b"start",
    b"deny",
    b"tls",
    b"certified",
    b"trouble",
    b"done",
)

# What is to become of a program: it is waited for, as long as -w says; it gets SIGTERM; it goes on by itself, in clear.
AWAIT, TERMINATE, LEAVE = FATES = b"await", b"terminate", b"leave"

# Which rules.
EARLY, FULL = b"early", b"full"
OK, NONE, ERROR = b"ok", b"none", b"error"


def field(text: str) -> bytes:
    """A text as a field. What cannot be one ends where it cannot."""
    return text.partition("\0")[0].encode("utf-8", "surrogateescape")


def text(field: bytes) -> str:
    """The text in a field."""
    return field.decode("utf-8", "surrogateescape")
