#!/bin/sh
# Shows that the native ciphers take the same time for all secrets; exits 0 only when it does, 3
# where this machine cannot run it.
# Needs cargo and valgrind on x86-64. See docs/contributor/constant-time.md.
set -eu
cd "$(dirname "$0")"
CAUGHT=99
if ! command -v valgrind >/dev/null || [ "$(uname -m)" != x86_64 ]; then
    echo "evidence: needs valgrind and x86-64, so constant time is not shown here" >&2
    exit 3
fi
cargo build --release --quiet --locked
memory=target/release/memory

watch() {
    valgrind --quiet --error-exitcode=$CAUGHT --exit-on-first-error=no --undef-value-errors=yes \
        --leak-check=no --expensive-definedness-checks=yes "$memory" "$@"
}

echo "== memory, portable code: no branch and no address depends on a secret"
watch portable

if grep -qw adx /proc/cpuinfo && grep -qw bmi2 /proc/cpuinfo && grep -qw avx2 /proc/cpuinfo; then
    echo "== memory, fast code: the same"
    watch fast
else
    echo "evidence: this processor cannot run the fast code, so it is not shown" >&2
    exit 3
fi

for leak in index branch engine; do
    echo "== memory: the planted leak by $leak is caught"
    status=0
    watch leak "$leak" 2>/dev/null || status=$?
    if [ "$status" -ne $CAUGHT ]; then
        echo "evidence: the leak by $leak was not caught (exit $status): the rest proves nothing" >&2
        exit 1
    fi
done

echo "== timing: a figure beside it, which decides nothing"
target/release/timing
echo "== constant time: shown"
