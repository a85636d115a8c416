#!/bin/sh
# What `make run` and `make test` need on a Debian machine, made once and found again offline.
#
#   tools/environment.sh venv run|test   .venv with the collector (and, for test, the test tools)
#   tools/environment.sh programs        Mosquitto and systemd-analyze, where apt may be used;
#                        programs container|machine    and what boots a Debian to test in
#
# Run from the top of the checkout. PYTHON names another interpreter than the first one that fits.
set -eu

minimum='3.11'

main() {
    case "${1-} ${2-}" in
        'venv run') provide_venv run '.[embedded,terminal]' ;;
        'venv test') provide_venv test '.[embedded,terminal,test]' ;;
        'programs ') provide_programs ;;
        'programs container') provide_programs debootstrap systemd-nspawn ;;
        'programs machine') provide_programs debootstrap "qemu-system-$(uname -m)" nbdkit ;;
        *) fail "usage: tools/environment.sh venv run|test, or" \
            "       tools/environment.sh programs [container|machine]" ;;
    esac
}

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# --- the virtual environment

provide_venv() {
    purpose=$1
    requirement=$2
    stamp=".venv/.installed-for-$purpose"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(venv_identity)" ]; then
        return
    fi
    # A checkout that was moved, or whose Python was upgraded, leaves a .venv that half works.
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1 || venv_was_moved; then
        create_venv
    fi
    say "Installing the collector and what it needs into .venv (the first time: about a minute) ..."
    # The build backend goes into .venv first and builds there: a later installation, after a
    # change of pyproject.toml, then needs no network.
    if ! { venv_pip 'setuptools>=77' &&
        venv_pip --no-build-isolation --editable "$requirement"; }; then
        fail "pip could not install the collector into .venv, see its lines above." \
            "It needs a package index (PyPI, or a mirror set in pip.conf) the first time only;" \
            "then type the same make command again."
    fi
    venv_identity >"$stamp"
}

venv_pip() {
    # A user's pip.conf may say `user = true`, which pip refuses in a virtual environment.
    PIP_USER=0 .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --no-input "$@"
}

# What an installation depends on, by content: a fresh time stamp alone installs nothing anew.
venv_identity() {
    sha256sum pyproject.toml
    .venv/bin/python -c 'import sys; print(sys.version); print(sys.prefix)' 2>&1 || :
}

venv_was_moved() {
    for old in .venv/.installed-for-*; do
        [ -f "$old" ] || continue
        [ "$(sed 1d "$old")" = "$(venv_identity | sed 1d)" ] || return 0
    done
    return 1
}

create_venv() {
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null || provide_venv_module "$python"
    say "Creating .venv with $("$python" --version) ..."
    "$python" -m venv --clear .venv || fail "$python -m venv could not create .venv, see above."
}

find_python() {
    if [ -n "${PYTHON-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.14 python3.13 python3.12 python3.11
    fi
    found=''
    for candidate in "$@"; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
        found="$found${found:+, }$candidate is $("$candidate" --version 2>&1 | head -n 1)"
    done
    fail "The collector needs Python $minimum or newer; found: ${found:-no $1}." \
        "On Debian 12 and later: apt-get install python3. Or name one: make run PYTHON=/path/to/python3"
}

# Debian's Python comes without ensurepip; pythonX.Y-venv brings it.
provide_venv_module() {
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if may_install; then
        say "Installing $package with apt ..."
        if apt_install "$package" && "$1" -c 'import ensurepip, venv' 2>/dev/null; then
            return
        fi
        fail "$1 has no working venv module and apt could not install $package, see above."
    fi
    fail "$1 cannot create virtual environments: its venv module is incomplete. Type this line," \
        "then the same make command again:" "" "    $(apt_line "$package")" ""
}

# --- programs that only tests need

# The tests skip what is missing, so nothing here is fatal.
provide_programs() {
    for program in "$@"; do
        shift
        has_program "$program" && continue
        case "$program" in
            systemd-nspawn) set -- "$@" systemd-container ;;
            qemu-system-x86_64) set -- "$@" qemu-system-x86 ;;
            qemu-system-aarch64) set -- "$@" qemu-system-arm ;;
            *) set -- "$@" "$program" ;;
        esac
    done
    # The broker itself is in /usr/sbin, which is not on an ordinary user's PATH.
    has_program mosquitto_passwd || set -- "$@" mosquitto
    has_program mosquitto_pub || set -- "$@" mosquitto-clients
    has_program systemd-analyze || set -- "$@" systemd
    [ $# -gt 0 ] || return 0
    if ! may_install; then
        say "Not installed, and apt may not be used here: $*. The tests that need them will be" \
            "skipped. To run those too: $(apt_line "$@")"
        return
    fi
    # Where apt starts a service of its own (Mosquitto on port 1883), that service is left as apt
    # set it up; the tests start brokers of their own on free ports.
    say "Installing $* with apt for the tests ..."
    apt_install "$@" || say "apt could not install $*: the tests that need them will be skipped."
}

has_program() { command -v "$1" >/dev/null 2>&1; }

# --- apt

may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

apt_install() {
    # A bare machine has no package lists yet, and old lists name versions that are gone.
    apt_get install "$@" 2>/dev/null || { apt_get update && apt_get install "$@"; }
}

apt_get() {
    action=$1
    shift
    if [ "$action" = install ]; then
        # Never at the price of a package that somebody has installed.
        set -- --yes --no-install-recommends --no-remove "$@"
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
        -o DPkg::Lock::Timeout=120 "$action" "$@" >/dev/null
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# The one line that a person types to install packages.
apt_line() {
    if command -v sudo >/dev/null 2>&1; then
        say "sudo apt-get update && sudo apt-get install -y $*"
    else
        say "su -c 'apt-get update && apt-get install -y $*'"
    fi
}

main "$@"
