#!/usr/bin/env bash
# Install what Qt and a screenless test run need from the system, where it is missing and apt is there.
set -euo pipefail

PACKAGES=(
    xvfb xauth libegl1 libgl1 libglib2.0-0 libxkbcommon-x11-0 libdbus-1-3 libxcb-cursor0 libxcb-icccm4
    libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libfontconfig1
)
# By file, not by package: package names differ between releases (libglib2.0-0t64).
LIBRARIES=(
    libEGL.so.1 libGL.so.1 libglib-2.0.so.0 libxkbcommon-x11.so.0 libdbus-1.so.3 libxcb-cursor.so.0 libxcb-icccm.so.4
    libxcb-image.so.0 libxcb-keysyms.so.1 libxcb-randr.so.0 libxcb-render-util.so.0 libxcb-shape.so.0
    libxcb-xinerama.so.0 libfontconfig.so.1
)

missing() {
    local known name
    known=$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p)
    for name in xvfb-run xauth; do
        command -v "$name" >/dev/null || echo "$name"
    done
    for name in "${LIBRARIES[@]}"; do
        grep -qF "$name " <<<"$known" || echo "$name"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

[ "$(uname -s)" = Linux ] && [ -n "$(missing)" ] || exit 0

if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
    echo "Installing system libraries for the window tests: $(missing | tr '\n' ' ')"
    as_root apt-get update -qq
    as_root apt-get install -qq -y --no-install-recommends "${PACKAGES[@]}" >/dev/null
fi

if [ -n "$(missing)" ]; then
    echo "The window tests need $(missing | tr '\n' ' ')" >&2
    echo "Install these packages (names as on Debian and Ubuntu), then run again: ${PACKAGES[*]}" >&2
    exit 1
fi
