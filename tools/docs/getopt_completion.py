"""Shell completion of sslserver, whose options are single letters, and of programs that take nothing but files.

An option's value is the rest of its word or the next word; letters share a dash; the first word that is no option is
the host. From the third word on, the line is that of another program, and is completed as such.
"""

from __future__ import annotations

import shlex

from tlsdeck.commands import sslserver_options
from tlsdeck.options import Row
from tlsdeck.options.kinds import Kind
from tools.docs.completion import NOTE, fish_quoted, zsh_text
from tools.docs.program import Program

# What the shells complete a kind of value with, in bash, zsh and fish; nothing for a kind that is not there.
_SOURCES: dict[Kind, tuple[str, str, str]] = {
    sslserver_options.RULES: (
        'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur")',
        "_files",
        "-r -F",
    ),
    sslserver_options.UID: (
        'mapfile -t COMPREPLY < <(compgen -W "$(getent passwd | cut -d: -f3)" -- "$cur")',
        "compadd - $(getent passwd | cut -d\\: -f3)",
        '-x -a \'(getent passwd | string replace -r "^(.*?):.*?:(.*?):.*" "\\$2\\t\\$1")\'',
    ),
    sslserver_options.GID: (
        'mapfile -t COMPREPLY < <(compgen -W "$(getent group | cut -d: -f3)" -- "$cur")',
        "compadd - $(getent group | cut -d\\: -f3)",
        '-x -a \'(getent group | string replace -r "^(.*?):.*?:(.*?):.*" "\\$2\\t\\$1")\'',
    ),
    sslserver_options.INTERFACE: (
        'mapfile -t COMPREPLY < <(cd /sys/class/net && compgen -d -- "$cur")',
        "_net_interfaces",
        "-x -a '(__fish_print_interfaces)'",
    ),
}
_NOTHING = (":", " ", "-x")


def _source(row: Row) -> tuple[str, str, str]:
    return _SOURCES.get(row.kind, _NOTHING)


def _letters(program: Program, *, with_value: bool) -> list[str]:
    return [row.name for row in program.rows() if row.takes_value is with_value]


# --- bash ------------------------------------------------------------------------------------------------------

_BASH = """\
{note}

_{name}() {{
    local line=${{COMP_LINE:0:COMP_POINT}} words word cur last at=1 option='' over=''
    read -r -a words <<<"$line"
    [[ $line == *[[:blank:]] ]] && words+=('')
    last=$((${{#words[@]}} - 1))
    cur=${{words[last]}}
    COMPREPLY=()
    while ((at < last)) && [[ ${{words[at]}} == -?* ]]; do
        word=${{words[at++]}}
        [[ $word == -- ]] && over=yes && break
        [[ $word =~ ^-[{flags}]*([{valued}])$ ]] || continue
        ((at == last)) && option=${{BASH_REMATCH[1]}}
        ((at++))
    done
    if [[ $option ]]; then
        case $option in
{cases}
        esac
        return
    fi
    if [[ ! $over && $cur == -* ]] && ((at == last)); then
        mapfile -t COMPREPLY < <(compgen -W '{options}' -- "$cur")
        return
    fi
    case $((last - at)) in
    0) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur") ;;
    1) mapfile -t COMPREPLY < <(compgen -A service -- "$cur") ;;
    2) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
    *)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        ;;
    esac
}}
complete -F _{name} {name}
"""


def bash(program: Program) -> str:
    """The file that bash-completion loads for a program."""
    by_action: dict[str, list[str]] = {}
    for row in program.rows():
        if row.kind in _SOURCES:
            by_action.setdefault(_source(row)[0], []).append(row.name)
    cases = "\n".join(f"        {' | '.join(names)}) {action} ;;" for action, names in by_action.items())
    return _BASH.format(
        note=NOTE,
        name=program.name,
        flags="".join(_letters(program, with_value=False)),
        valued="".join(_letters(program, with_value=True)),
        cases=cases,
        options=" ".join(f"-{row.name}" for row in program.rows()),
    )


# --- zsh -------------------------------------------------------------------------------------------------------

_ZSH_OPERANDS = ("1:host:_hosts", "2:port:_ports", "*:::program:_normal")


def zsh(program: Program) -> str:
    """The file that zsh's completion system finds in its fpath."""
    specs = [*map(_zsh_option, program.rows()), *_ZSH_OPERANDS]
    arguments = " \\\n    ".join(["_arguments -s -S -A '-*'", *map(shlex.quote, specs)])
    return f"#compdef {program.name}\n{NOTE}\n\n{arguments}\n"


def _zsh_option(row: Row) -> str:
    if not row.takes_value:
        return f"*-{row.name}[{zsh_text(row.help)}]"
    return f"*-{row.name}+[{zsh_text(row.help)}]:{zsh_text(row.kind.word)}:{_source(row)[1]}"


# --- fish ------------------------------------------------------------------------------------------------------

_FISH = """\
{note}

# The words behind the options; fails where an option still waits for its value.
function __{name}_operands
    set -l words (commandline -opc)
    argparse -n {name} -s {specs} -- $words[2..] 2>/dev/null
    or return
    test -z "$argv"
    or printf '%s\\n' $argv
end

function __{name}_options
    test (count (__{name}_operands)) -eq 0
end

function __{name}_at
    set -l operands (__{name}_operands)
    and test (count $operands) -eq $argv[1]
end

function __{name}_program
    set -l operands (__{name}_operands)
    and test (count $operands) -ge 2
end

complete -c {name} -f
complete -c {name} -n '__{name}_at 0' -a 'localhost 0 (__fish_print_hostnames)'
complete -c {name} -n '__{name}_at 1' -a '(getent services | string match -rg "^(\\S+).*/tcp")'
complete -c {name} -n __{name}_program \\
    -a '(__fish_complete_subcommand --commandline (__{name}_operands)[3..] (commandline -ct))'
{options}
"""


def fish(program: Program) -> str:
    """The file that fish loads for a program."""
    specs = _letters(program, with_value=False) + [f"{name}=" for name in _letters(program, with_value=True)]
    options = "\n".join(_fish_option(program.name, row) for row in program.rows())
    return _FISH.format(note=NOTE, name=program.name, specs=" ".join(specs), options=options)


def _fish_option(name: str, row: Row) -> str:
    follows = f" {_source(row)[2]}" if row.takes_value else ""
    return f"complete -c {name} -n __{name}_options -s {row.name}{follows} -d {fish_quoted(row.help)}"


# --- programs that take nothing but files ----------------------------------------------------------------------

_BASH_FILES = """\
{note}

_{name}() {{
    COMPREPLY=()
    ((COMP_CWORD > {count})) && return
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}")
}}
complete -F _{name} {name}
"""

_ZSH_FILES = """\
#compdef {name}
{note}

_arguments {specs}
"""

_FISH_FILES = """\
{note}

complete -c {name} -f -n 'test (count (commandline -opc)) -gt {count}'
"""


def only_files(name: str, words: tuple[str, ...]) -> dict[str, str]:
    """The files for a program with as many files for operands as `words`, by shell."""
    specs = " ".join(shlex.quote(f"{at}:{word}:_files") for at, word in enumerate(words, 1))
    parts = {"note": NOTE, "name": name, "count": len(words), "specs": specs}
    shells = {"bash": _BASH_FILES, "zsh": _ZSH_FILES, "fish": _FISH_FILES}
    return {shell: template.format(**parts) for shell, template in shells.items()}
