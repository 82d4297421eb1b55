#!/usr/bin/env bash
# Builds the Worker into build/ and says how large it is. wrangler calls this; it also runs by itself.
#   FOREBAY_EDGE_PREBUILT=1      uses the build that is there
#   FOREBAY_BINDGEN=FILE         is the forebay-bindgen to use; built here unless said
#   FOREBAY_EDGE_FAST=1          builds another one into build/fast/, much sooner; never shipped, never measured
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../.tools
fast=${FOREBAY_EDGE_FAST:-}
target=wasm32-unknown-unknown
limit_bytes=$((1024 * 1024)) # gzip

# Where cargo puts what it builds.
target_folder() {
  cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

compile() {
  # Without a wasm standard library in the toolchain, one that was built beside it takes over.
  local rust=()
  if ! ls "$(rustc --print target-libdir --target $target)"/libstd-*.rlib >/dev/null 2>&1; then
    local wasm=$tools/wasm-toolchain
    if [ ! -e "$wasm/.done" ]; then
      echo "rustc has no $target: run \`rustup target add $target\` or \`cargo xtask setup\`" >&2
      exit 1
    fi
    rust=(env "RUSTC=$wasm/bin/rustc")
  fi
  local how=(--config "$here/profile.toml")
  [ -z "$fast" ] || how=()
  # Beside the tests' package, as everywhere: macros and build scripts are compiled for all of them once.
  "${rust[@]}" cargo build --locked --package forebay-edge --package forebay-tests --lib --target $target "${how[@]}"
}

bundle() {
  local wasm=$1 folder=$2
  # A build that is interrupted leaves the one before as it was. src/entry.mjs finds the program beside itself.
  rm -rf "$folder/program"
  mkdir -p "$folder/program"
  "$bindgen" "$wasm" "$folder/program"
  cp "$here/src/entry.mjs" "$folder/program/entry.mjs"
  # «import source» is not read by every tool yet; runtimes take a module's import for the same.
  sed 's/^import source /import /' "$folder/program/index.js" >"$folder/program/index.js.new"
  mv "$folder/program/index.js.new" "$folder/program/index.js"
  "$here/node_modules/esbuild/bin/esbuild" "$folder/program/entry.mjs" --bundle --minify --format=esm \
    '--external:cloudflare:*' '--external:*.wasm' --log-level=warning \
    --log-override:duplicate-object-key=error --outfile="$folder/program/bundle.js"
  # A tenth less to be loaded by every isolate, and what it takes to make it so is half a minute.
  if [ -z "$fast" ]; then
    # The features that the compiler and wasm-bindgen use, and no other.
    "$here/node_modules/.bin/wasm-opt" -O1 --enable-bulk-memory --enable-exception-handling \
      --enable-multivalue --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types \
      --enable-sign-ext \
      "$folder/program/index_bg.wasm" --output "$folder/program/index_bg.wasm"
  fi
  mv "$folder/program/index_bg.wasm" "$folder/index_bg.wasm"
  mv "$folder/program/bundle.js" "$folder/index.js"
  rm -rf "$folder/program"
}

gzipped() { gzip -9 -c "$1" | wc -c; }

if [ -n "${FOREBAY_EDGE_PREBUILT:-}" ] && [ -e "$here/build/index.js" ]; then
  echo "edge: using the build that is there"
  exit
fi
cd "$here"
folder=$(target_folder)
bindgen=${FOREBAY_BINDGEN:-}
if [ -z "$bindgen" ]; then
  cargo build --locked --workspace --no-default-features --features forebay-backend/tch --bin forebay-bindgen
  bindgen=$folder/debug/forebay-bindgen
fi
compile
bundle "$folder/$target/debug/forebay_edge.wasm" "$here/build${fast:+/fast}"
[ -z "$fast" ] || exit 0

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
