"""The main job, end to end, on loopback: our s_server, our s_client against it, one random word each way.

Shows what both programs print. Exit status 0 only if both words arrived and both programs ended well.
"""

from __future__ import annotations

import queue
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

TIME_LIMIT = 30.0

# (short name of a program, a line it printed or None at the end of its output)
lines: queue.Queue[tuple[str, str | None]] = queue.Queue()
ended: set[str] = set()
started: list[tuple[subprocess.Popen[str], threading.Thread]] = []
deadline = time.monotonic() + TIME_LIMIT


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        conversation()
    except DemoError as error:
        say(f"FAILED: {error}")
        return 1
    finally:
        for process, collector in started:
            process.kill()
            process.wait()
            collector.join()
            close_input(process)
    say("passed: both words arrived, both programs ended with exit status 0")
    return 0


def conversation() -> None:
    to_server, to_client = (f"hello {secrets.token_hex(8)}" for _ in range(2))

    say("a server on a free port of 127.0.0.1, with no certificate of its own: it makes a throw-away one")
    server = start("s_server", "-accept", "127.0.0.1:0", "-naccept", "1")
    address = seen("server", lambda line: line.startswith("ACCEPT ")).removeprefix("ACCEPT ")

    say(f"a client against {address}; it reports what was agreed on")
    client = start("s_client", "-connect", address)
    seen("client", lambda line: line.startswith("SSL handshake has read"))

    say(f"typing {to_server!r} into the client: the server must show it")
    type_into(client, to_server)
    seen("server", lambda line: line == to_server)

    say(f"typing {to_client!r} into the server: the client must show it")
    type_into(server, to_client)
    seen("client", lambda line: line == to_client)

    say("end of the client's input: both end")
    finish(client, "client")
    finish(server, "server")


class DemoError(Exception):
    pass


def say(text: str) -> None:
    print(f"demo   # {text}", flush=True)


def start(program: str, *options: str) -> subprocess.Popen[str]:
    """Start one of our programs. What it prints goes to the queue, line by line, under its short name."""
    name = program.removeprefix("s_")
    say(f"$ {program} {' '.join(options)}")
    process = subprocess.Popen(
        [sys.executable, "-m", "tlsdeck", program, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    collector = threading.Thread(target=collect, args=(name, process))
    collector.start()
    started.append((process, collector))
    return process


def collect(name: str, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            lines.put((name, line.rstrip("\n")))
    lines.put((name, None))


def seen(name: str, wanted: Callable[[str], bool]) -> str:
    """Show lines as they come, until one of this program is the wanted one."""
    while True:
        source, line = show_next()
        if line is None:
            raise DemoError(f"the {source} ended too early")
        if source == name and wanted(line):
            return line


def show_next() -> tuple[str, str | None]:
    try:
        source, line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise DemoError(f"not done within {TIME_LIMIT:.0f} s") from None
    if line is None:
        ended.add(source)
    else:
        print(f"{source} | {line}", flush=True)
    return source, line


def type_into(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # its end is noticed where its lines are read
        process.stdin.write(text + "\n")
        process.stdin.flush()


def finish(process: subprocess.Popen[str], name: str) -> None:
    """Close its input, show what it still has to say, wait for its end."""
    close_input(process)
    while name not in ended:
        show_next()
    code = process.wait(timeout=max(0.0, deadline - time.monotonic()))
    if code != 0:
        raise DemoError(f"the {name} ended with exit status {code}")


def close_input(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()


if __name__ == "__main__":
    sys.exit(main())
