#!/usr/bin/env bash
# Prints the Python to use: $PYTHON if it is set, else the first of python3.11 and python3 that is 3.11 or newer.
set -euo pipefail

for name in ${PYTHON:+"$PYTHON"} python3.11 python3 python3.12 python3.13 python3.14; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        command -v "$name"
        exit 0
    fi
done
echo "Bakeoff needs Python 3.11 or newer; this machine has $(python3 --version 2>&1 || echo none)." >&2
echo "Install it, or name it: make PYTHON=/path/to/python3.11" >&2
exit 1
