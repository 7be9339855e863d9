# shellcheck shell=bash
# Sourced by the scripts beside it: how they speak, and how they install Debian's packages.

settings=(DEBIAN_FRONTEND=noninteractive) # for the packages' own scripts

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Fills `as_root` with what a command that needs root begins with: nothing, or sudo when it asks no password.
become_root() { # PACKAGE...
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        have sudo && sudo -n true 2>/dev/null || die "missing packages: $*. Install them, or run this as root."
        as_root=(sudo -n)
    fi
}

install_packages() { # PACKAGE...
    become_root "$@"
    have apt-get || die "missing: $* (by their Debian names). Install them with this system's package manager."
    say "installing $*"
    local log
    log=$(mktemp)
    "${as_root[@]}" apt-get update -qq
    if ! "${as_root[@]}" env "${settings[@]}" apt-get install -qq -y --no-install-recommends "$@" >"$log" 2>&1; then
        cat "$log" >&2
        die "apt-get failed to install them"
    fi
    rm -f "$log"
}
