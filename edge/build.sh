#!/usr/bin/env bash
# Builds the Worker into build/ and says how large it is. wrangler calls this; it also runs by itself.
#   FOREBAY_EDGE_PREBUILT=1      uses the build that is there
#   FOREBAY_BINDGEN=FILE         is the forebay-bindgen to use; built here unless said
#   FOREBAY_WASM_PROFILE=NAME    compiles with another cargo profile than `edge`; such a build is neither shipped nor measured
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../.tools
profile=${FOREBAY_WASM_PROFILE:-edge}
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
  # For JavaScript alone: nothing needs the library for Rust that cargo would make beside it.
  "${rust[@]}" cargo rustc --locked --package forebay-edge --lib --crate-type cdylib --target $target --profile "$profile"
}

bundle() {
  local wasm=$1 folder=$here/build
  # A build that is interrupted leaves the one before as it was.
  rm -rf "$folder/program"
  mkdir -p "$folder/program"
  "$bindgen" "$wasm" "$folder/program"
  # «import source» is not read by every tool yet; runtimes take a module's import for the same.
  sed 's/^import source /import /' "$folder/program/index.js" >"$folder/program/index.js.new"
  mv "$folder/program/index.js.new" "$folder/program/index.js"
  "$here/node_modules/esbuild/bin/esbuild" "$here/src/entry.mjs" --bundle --minify --format=esm --external:cloudflare:* \
    '--external:*.wasm' --log-level=warning --log-override:duplicate-object-key=error --outfile="$folder/program/bundle.js"
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
case $profile in dev) made=debug ;; *) made=$profile ;; esac
bundle "$folder/$target/$made/forebay_edge.wasm"
[ "$profile" = edge ] || exit 0

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
