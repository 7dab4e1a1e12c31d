#!/usr/bin/env bash
# Seeds known bugs into the operator, one at a time, and checks that the test named in each patch fails. A bug that no test
# notices makes this fail. It works in a git worktree of its own, on what is committed, and with a target folder of its own:
# cargo names what it builds by paths inside the workspace, so in a shared one a seeded bug would end up in your next build.
#
#   operator/tenantry-testkit/mutations/run.sh [NAME...]     all bugs, or those whose file names contain one of the words
set -euo pipefail
cd "$(git -C "$(dirname "$0")" rev-parse --show-toplevel)"
root=$PWD
export CARGO_TARGET_DIR=$root/target/mutants
export SIM_RUNS=${SIM_RUNS:-60} RUST_BACKTRACE=0
tree=$(mktemp -d)
log=$(mktemp)
trap 'git worktree remove --force "$tree" 2>/dev/null || true; rm -f "$log"' EXIT
git worktree add --quiet --detach "$tree" HEAD
cd "$tree"

# A test that fails without a bug would seem to catch every one.
sed -n 's/^Caught by: //p' "$root"/operator/tenantry-testkit/mutations/*.patch | sort -u | while read -r test; do
    # Word splitting is meant: the line holds cargo's arguments.
    # shellcheck disable=SC2086
    if ! cargo test --quiet $test >"$log" 2>&1; then
        echo "cargo test $test fails without any bug; mend that first"
        tail -n 30 "$log"
        exit 1
    fi
done

caught=0 total=0 survivors=()
for patch in "$root"/operator/tenantry-testkit/mutations/*.patch; do
    name=$(basename "$patch" .patch)
    if [ $# -gt 0 ]; then
        wanted=no
        for word in "$@"; do [[ $name == *$word* ]] && wanted=yes; done
        [ $wanted = yes ] || continue
    fi
    total=$((total + 1))
    test=$(sed -n 's/^Caught by: //p' "$patch")
    git checkout --quiet .
    if ! git apply "$patch"; then
        echo "STALE     $name: the patch does not apply any more; make it anew"
        survivors+=("$name")
        continue
    fi
    # Word splitting is meant: the line holds cargo's arguments.
    # shellcheck disable=SC2086
    if ! cargo test --quiet ${test% *} --no-run >"$log" 2>&1; then
        echo "BROKEN    $name: does not compile"
        grep -m 5 -A 6 '^error' "$log" || true
        survivors+=("$name")
        continue
    fi
    # shellcheck disable=SC2086
    if timeout 1200 cargo test --quiet $test >"$log" 2>&1; then
        echo "SURVIVED  $name: $(sed -n 's/^Bug: //p' "$patch")"
        survivors+=("$name")
    else
        caught=$((caught + 1))
        reason=$(grep -m 1 -oE 'O[0-9] [a-z ]+: .*' "$log" || grep -m 1 -E 'panicked at|FAILED|failed' "$log" || true)
        echo "caught    $name: ${reason:0:160}"
    fi
done
echo "$caught of $total seeded bugs caught"
[ ${#survivors[@]} -eq 0 ]
