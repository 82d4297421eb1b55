#!/usr/bin/env bash
# Builds the Worker into build/ and says how large it is. wrangler calls this; it also runs by itself.
#   FOREBAY_EDGE_PREBUILT=1   uses the build that is there
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../.tools
limit_bytes=$((1024 * 1024)) # gzip

build() {
  # Without a wasm standard library in the toolchain, one that was built beside it takes over.
  if ! ls "$(rustc --print target-libdir --target wasm32-unknown-unknown)"/libstd-*.rlib >/dev/null 2>&1; then
    local wasm=$tools/wasm-toolchain
    if [ ! -e "$wasm/.done" ]; then
      echo "rustc has no wasm32-unknown-unknown: run \`rustup target add wasm32-unknown-unknown\` or \`cargo xtask setup\`" >&2
      exit 1
    fi
    # PATH for worker-build's own calls of rustc, RUSTC for cargo's.
    export PATH="$wasm/bin:$PATH" RUSTC="$wasm/bin/rustc" CARGO="$wasm/bin/cargo"
  fi
  # Both tools are here already; worker-build would otherwise download its own.
  export WASM_BINDGEN_BIN="$tools/bin/wasm-bindgen" ESBUILD_BIN="$here/node_modules/esbuild/bin/esbuild"
  # Measured: a fifth less time a submission than `s`, for a tenth more bytes.
  # No `strip`: wasm-bindgen reads the section it would remove.
  export CARGO_PROFILE_RELEASE_OPT_LEVEL=3 CARGO_PROFILE_RELEASE_LTO=true CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
  export CARGO_PROFILE_RELEASE_PANIC=abort CARGO_PROFILE_RELEASE_DEBUG=false
  cd "$here"
  "$tools/bin/worker-build" --release --no-opt
  "$ESBUILD_BIN" src/entry.mjs --bundle --minify --format=esm --external:cloudflare:* --external:*.wasm \
    --log-level=error --allow-overwrite --outfile=build/index.js
}

gzipped() { gzip -9 -c "$1" | wc -c; }

if [ -n "${FOREBAY_EDGE_PREBUILT:-}" ] && [ -e "$here/build/index.js" ]; then
  echo "edge: using the build that is there"
  exit
fi
build

raw=0 gzip=0
for file in index.js index_bg.wasm; do
  raw=$((raw + $(wc -c <"$here/build/$file")))
  gzip=$((gzip + $(gzipped "$here/build/$file")))
done
echo "edge: bundle $((raw / 1024)) KiB raw, $((gzip / 1024)) KiB gzip (limit $((limit_bytes / 1024)) KiB gzip)"
if [ "$gzip" -ge "$limit_bytes" ]; then
  echo "edge: the bundle is too large" >&2
  exit 1
fi
