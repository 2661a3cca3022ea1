# shellcheck shell=bash disable=SC2034
# What the scripts of this folder share: where things are cached, how progress and failures are told.
# Sourced, not run. Works with bash 5 on Debian 12; nothing here installs or builds.

set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${ESTIVA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/estiva}
logs=$cache/logs
wasm_toolchain=$cache/wasm-toolchain
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$top/target}")
export CARGO_TARGET_DIR
export PATH="$cache/tools/bin:$cache/tools/node_modules/.bin:$HOME/.cargo/bin:$PATH"
mkdir -p "$logs"

# rustup's cargo is found but has no toolchain where HOME is another than the one it was installed for; Debian's then
# goes first.
prefer_working_cargo() {
    if ! cargo --version >/dev/null 2>&1 && [ -x /usr/bin/cargo ]; then
        export PATH="/usr/bin:$PATH"
    fi
}
prefer_working_cargo

# Versions that must match each other: the crate in Cargo.toml and the tool that reads what it left in the program.
trunk_version=0.21.14
bindgen_version=$(sed -n 's/^wasm-bindgen = "=\(.*\)"/\1/p' "$top/Cargo.toml")
binaryen_version=132.0.0
playwright_version=1.64.1
axe_version=4.14.1
xterm_version=6.0.0
xterm_fit_version=0.11.0

say() { printf '%s\n' "estiva: $*" >&2; }

# die WHAT FIX: a sentence that names what is missing, and one that says what to do.
die() {
    printf '%s\n' "estiva: error: $1" >&2
    [ $# -gt 1 ] && printf '%s\n' "hint: $2" >&2
    exit 1
}

# step NAME COMMAND…: runs it with its output in a log; says how long it took; shows the log's end if it fails. Where
# the command is a function, bash goes on after a line of it that fails, whatever `set -e` says: chain with &&.
step() {
    local name=$1 log="$logs/${1//[^A-Za-z0-9]/-}.log" began=$SECONDS
    shift
    if ! "$@" >"$log" 2>&1; then
        say "failed: $name (after $((SECONDS - began)) s); the end of its output:"
        tail -n 25 "$log" >&2
        printf '%s\n' "hint: all of it is in $log" >&2
        return 1
    fi
    say "done: $name ($((SECONDS - began)) s)"
}

# together NAME… : runs the functions of these names side by side, tells every 20 seconds which are still at it, and
# fails if one did. Underscores in a function's name are shown as spaces.
together() {
    local name failed=0 waited=0 left=$#
    local -A running=()
    for name in "$@"; do
        say "start: ${name//_/ }"
        step "${name//_/ }" "$name" &
        running[$name]=$!
    done
    while [ "$left" -gt 0 ]; do
        sleep 0.1
        for name in "${!running[@]}"; do
            kill -0 "${running[$name]}" 2>/dev/null && continue
            wait "${running[$name]}" || failed=1
            unset "running[$name]"
            left=$((left - 1))
        done
        waited=$((waited + 1))
        if [ "$left" -gt 0 ] && [ $((waited % 200)) -eq 0 ]; then
            name=$(printf ', %s' "${!running[@]}")
            name=${name#, }
            say "still at it: ${name//_/ } ($((waited / 10)) s)"
        fi
    done
    return $failed
}

host_triple() { rustc -vV | sed -n 's/^host: //p'; }

# wasm COMMAND…: runs it with the toolchain that knows wasm32-unknown-unknown.
wasm() {
    if [ -x "$wasm_toolchain/bin/rustc" ]; then
        PATH="$wasm_toolchain/bin:$PATH" RUSTC="$wasm_toolchain/bin/rustc" SYSROOT="$wasm_toolchain" \
            CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-22 CARGO_TARGET_DIR="$CARGO_TARGET_DIR/page" "$@"
    else
        CARGO_TARGET_DIR="$CARGO_TARGET_DIR/page" "$@"
    fi
}
