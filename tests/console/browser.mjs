// Which Chromium the tests look with, and how it is started.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

import { chromium } from "playwright-core";

const NAMES = ["chromium", "google-chrome"];
const MODULES = join(import.meta.dirname, "node_modules");
const PACKED = join(MODULES, "@sparticuz/chromium/bin");
const UNPACKED = join(MODULES, ".chromium");

const NONE = "there is no Chromium: run `npm ci` in tests/console, or say in CHROMIUM where one is";

const ARGUMENTS = [
  "--headless",
  // The sandbox works neither for root nor where user namespaces are closed. Nothing but our own pages is shown.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts Chromium: the one that CHROMIUM names, else the machine's, else the one among the tests' own packages. */
export async function launch() {
  const { executablePath, env } = await found();
  return chromium.launch({ executablePath, args: ARGUMENTS, env: { ...process.env, ...env } });
}

async function found() {
  if (process.env.CHROMIUM) return { executablePath: process.env.CHROMIUM };
  for (const folder of process.env.PATH.split(delimiter)) {
    for (const name of NAMES) if (existsSync(join(folder, name))) return { executablePath: join(folder, name) };
  }
  if (!existsSync(PACKED)) throw new Error(NONE);
  return unpacked();
}

/** For Linux on x86-64, with the libraries that small machines lack. Nothing outside is touched. */
async function unpacked() {
  if (!existsSync(UNPACKED)) {
    const making = `${UNPACKED}.${process.pid}`;
    mkdirSync(making);
    await pour("chromium.br", join(making, "chromium"));
    chmodSync(join(making, "chromium"), 0o755);
    for (const name of ["al2023", "fonts"]) {
      const archive = join(making, `${name}.tar`);
      await pour(`${name}.tar.br`, archive);
      execFileSync("tar", ["--extract", "--file", archive, "--directory", making]);
      rmSync(archive);
    }
    // Where the machine has no fonts of its own: by their later place.
    const fonts = `<fontconfig><dir>${UNPACKED}/fonts</dir><cachedir>${UNPACKED}/cache</cachedir></fontconfig>\n`;
    writeFileSync(join(making, "fonts.conf"), fonts);
    try {
      renameSync(making, UNPACKED);
    } catch {
      rmSync(making, { recursive: true }); // Another test was faster.
    }
  }
  const fonts = existsSync("/etc/fonts/fonts.conf") ? {} : { FONTCONFIG_FILE: join(UNPACKED, "fonts.conf") };
  const env = { LD_LIBRARY_PATH: join(UNPACKED, "lib"), ...fonts };
  return { executablePath: join(UNPACKED, "chromium"), env };
}

function pour(name, to) {
  return pipeline(createReadStream(join(PACKED, name)), createBrotliDecompress(), createWriteStream(to));
}
