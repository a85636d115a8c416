# Where the service lives on a machine; read by install and uninstall. Not to be run by itself.
#
#   $home/<release>/    a virtual environment with the collector, complete once it has .complete
#   $home/current       a link to the release that runs, exchanged with one rename
#   $command            the command of every user, by way of `current`

service='tinyflux-collector'
home="/opt/$service"
command="/usr/local/bin/$service"
configuration="/etc/$service/config.yaml"
data="/var/lib/$service"
unit="/etc/systemd/system/$service.service"

# `su` without `-` leaves out where useradd and runuser are.
PATH="$PATH:/usr/sbin:/sbin"

# A line for each argument.
say() { printf '%s\n' "$@"; }

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

require_root() {
    [ "$(id -u)" = 0 ] || fail "$0 changes the system, and you are not root. Type:" "" "    sudo $0"
}

require_systemd() {
    # As sd_booted(3) has it.
    [ -d /run/systemd/system ] || fail "systemd does not run this machine, so it cannot run the" \
        "service. The collector itself runs without: see \"Your own broker\" in README.md."
}
