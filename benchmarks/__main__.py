"""Ours beside others, in one run: `python -m benchmarks [ROW ...]`.

Every row measures the same thing on all sides, round by round in turn (A B A B ...), so that whatever else the
machine does meets all alike. Printed are the medians and what is judged: nearly always the ratio ours/theirs.
"""

from __future__ import annotations

import argparse
import compileall
import dataclasses
import statistics
from typing import Any

from benchmarks import openssl, superservers
from benchmarks.bench import SOURCES, Bench, Contest, Row, S, alone, progress

CONTESTS: tuple[Contest[Any], ...] = (openssl.CONTEST, superservers.CONTEST, superservers.ENDURANCE)
NAMES = [row.name for contest in CONTESTS for row in contest.rows]


def main() -> None:
    arguments = parse_arguments()
    # An installed program has its bytecode; this one runs from the sources.
    compileall.compile_dir(SOURCES, quiet=1)
    with Bench.set_up() as bench:
        tables = [table(bench, contest, arguments) for contest in CONTESTS]
    for lines in tables:
        if len(lines) > 1:
            print_table(lines)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure ours beside others.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--rounds", type=int, help="rounds of each side, in place of each row's own number")
    parser.add_argument(
        "--self-check", action="store_true", help="the same on both sides: how far noise goes"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(NAMES):
        parser.error(f"no such row: {', '.join(sorted(unknown))} (there are {', '.join(NAMES)})")
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds needs at least 1")
    return arguments


def table(bench: Bench, contest: Contest[S], arguments: argparse.Namespace) -> list[tuple[str, ...]]:
    """The lines of a contest's table, its head first."""
    checking = arguments.self_check
    sides = twice(contest.sides[-1]) if checking else contest.sides
    lines = [("", *(side.name for side in sides), "judged", "target", "")]
    for row in contest.rows:
        if arguments.rows and row.name not in arguments.rows:
            continue
        medians = measured(bench, row, sides, arguments.rounds or row.rounds)
        judged = row.judge(medians[0], medians[1:])
        verdict = "" if checking else "reached" if row.reached(judged) else "MISSED"
        shown = row.show(judged) if row.judge is alone else f"{judged:.3f}"
        lines.append((row.title, *map(row.show, medians), shown, row.target, verdict))
    return lines


def twice(side: S) -> tuple[S, S]:
    return dataclasses.replace(side, name=f"{side.name} again"), side


def measured(bench: Bench, row: Row[S], sides: tuple[S, ...], rounds: int) -> list[float]:
    """The medians of all sides."""
    values: list[list[float]] = [[] for _ in sides]
    for number in range(rounds):
        for side, found in zip(sides, values, strict=True):
            found.append(row.measure(bench, side))
            progress(f"{row.name} {number + 1}/{rounds} {side.name}: {row.show(found[-1])}")
    bench.stop_servers()
    return [statistics.median(found) for found in values]


def print_table(lines: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())
    print()


if __name__ == "__main__":
    main()
