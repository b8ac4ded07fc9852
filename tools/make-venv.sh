#!/usr/bin/env bash
# make-venv.sh PYTHON DIRECTORY: a virtual environment from PYTHON, which must be 3.11 or newer.
set -euo pipefail
python=$1
directory=$2

if ! command -v "$python" >/dev/null; then
  echo "make: '$python' is not there; install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3" >&2
  exit 1
fi
if ! "$python" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))'; then
  echo "make: weft needs Python 3.11 or newer, '$python' is $("$python" -V); name another: make PYTHON=/path/to/python3" >&2
  exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  echo "make: '$python' cannot make virtual environments; on Debian and Ubuntu install the package python3-venv" >&2
  exit 1
fi
# A half-made environment (an interrupted run, another Python that is gone) is made anew.
"$python" -m venv --clear "$directory"
