#!/usr/bin/env bash
# Installs the system packages of one group of system-packages.txt that are missing: system.sh setup|window|screen
#
# As root or with a sudo that asks for no password it installs them; otherwise it prints the one line to run
# and stops with status 1. On a system without dpkg it only tells what the commands of the group lack.
set -euo pipefail

group=$1
export PYTHON=${PYTHON:-python3}
list=$(dirname -- "${BASH_SOURCE[0]}")/system-packages.txt

missing=()
while read -r in_group package test; do
    [ "$in_group" = "$group" ] || continue
    if [ -n "$test" ]; then
        bash -c "$test" >/dev/null 2>&1 && continue
    elif command -v dpkg-query >/dev/null; then
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed && continue
    else
        continue  # nobody to ask
    fi
    missing+=("$package")
done < <(grep -v '^#' "$list")

[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing here: ${missing[*]} (Debian's names). Install them with your system's package manager." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    become=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    become=(sudo -n)
else
    echo "Some system packages are missing. Install them, then run make again:" >&2
    echo "    sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "Installing system packages: ${missing[*]}"
"${become[@]}" apt-get update -o DPkg::Lock::Timeout=300 --quiet=2 || echo "The package lists could not be refreshed; going on with the old ones." >&2
"${become[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -o DPkg::Lock::Timeout=300 --quiet=2 -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null
