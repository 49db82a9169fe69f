#!/bin/sh
# Makes the environment folder of the hub: `sh deploy/venv.sh .venv`. Called by `make setup`.
# Installs exactly what requirements.lock says, every file checked by its hash.
set -eu

venv=$1
lock=requirements.lock

say() { printf '%s\n' "$*" >&2; }
refuse() { say ""; for line in "$@"; do say "$line"; done; exit 1; }

is_new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if is_new_enough "$name"; then command -v "$name"; return; fi
    done
    refuse "The hub needs Python 3.11 or later; here is $(python3 --version 2>&1 || echo none)." \
        "Install it, or name it: make setup PYTHON=/path/to/python3.12"
}

# An environment that has lost its Python (moved, upgraded) is made anew.
if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    python=$(find_python)
    say "Making $venv with $("$python" --version)"
    rm -rf "$venv"
    if ! "$python" -m venv "$venv" >"${TMPDIR:-/tmp}/hub-venv.$$" 2>&1; then
        reason=$(tail -n 5 "${TMPDIR:-/tmp}/hub-venv.$$"); rm -rf "$venv" "${TMPDIR:-/tmp}/hub-venv.$$"
        refuse "Python cannot make an environment:" "$reason" \
            "On Debian and Ubuntu its module is a package of its own: apt-get install python3-venv"
    fi
    rm -f "${TMPDIR:-/tmp}/hub-venv.$$"
fi

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

# uv installs the same files ten times as fast as pip; it is locked like the rest. It does not read
# pip's settings, so the index and the certificate that pip was given are handed on.
install_with_uv() {
    awk '/^[^ #]/ { ours = /^uv==/ } ours' "$lock" >"$venv/uv.lock"
    [ -s "$venv/uv.lock" ] || return 1
    pip install --quiet --require-hashes --no-deps -r "$venv/uv.lock" || return 1
    index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
    if [ -n "$index" ]; then UV_DEFAULT_INDEX=$index; export UV_DEFAULT_INDEX; fi
    if [ -n "${PIP_CERT:-}" ]; then SSL_CERT_FILE=${SSL_CERT_FILE:-$PIP_CERT}; export SSL_CERT_FILE; fi
    quiet=--quiet; [ -t 2 ] && quiet=  # its bars are for people
    # shellcheck disable=SC2086
    "$venv/bin/uv" pip install $quiet --compile-bytecode --python "$venv/bin/python" --require-hashes -r "$lock"
}

say "Installing $(grep -c '^[^ #].*==' "$lock") locked packages"
if ! install_with_uv; then
    say "Installing with pip (about half a minute)"
    # The lock is complete; looking for dependencies, pip of Debian 12 does not find `coverage[toml]` in it.
    pip install --progress-bar off --quiet --require-hashes --no-deps -r "$lock" ||
        refuse "The packages could not be installed." \
            "Without a network, give pip a mirror (PIP_INDEX_URL) or a folder of wheels (PIP_FIND_LINKS)."
fi

say "Installing the hub itself"
isolation=
"$venv/bin/python" -c 'import editables, hatchling' 2>/dev/null && isolation=--no-build-isolation
# shellcheck disable=SC2086  # empty is no argument
pip install --quiet --no-deps $isolation -e . || refuse "The hub could not be installed into $venv."
say "Ready: $venv"
