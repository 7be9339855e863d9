"""Command-line options: one row of data each, read by the parser, by -help and by whatever documents them."""

from __future__ import annotations

from tlsdeck.options.help import help_text
from tlsdeck.options.reader import Given, Options, read
from tlsdeck.options.rows import Clash, Operand, Row, Rule, Section

__all__ = ["Clash", "Given", "Operand", "Options", "Row", "Rule", "Section", "help_text", "read"]
