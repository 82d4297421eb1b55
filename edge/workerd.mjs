// Runs the built Worker in workerd through Miniflare, as `wrangler dev` does, but for what only a person at a desk needs:
// nothing is watched, and requests take no way round by way of a reloading proxy. Twenty edges start in a third of the time.
//
//   node workerd.mjs options        what wrangler.jsonc says, as JSON
//   node workerd.mjs serve FILE     FILE holds {options, variables, port, state, around}; until it is told to end
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const here = import.meta.dirname;

/** Loading wrangler takes most of a start, so this is asked for once. */
async function options() {
  const { unstable_getMiniflareWorkerOptions, unstable_readConfig } = await import("wrangler");
  const config = unstable_readConfig({ config: join(here, "wrangler.jsonc") });
  const { workerOptions, main } = unstable_getMiniflareWorkerOptions(config);
  return { name: config.name, main, workerOptions };
}

async function serve({ options, variables, port, state, around }) {
  const { Miniflare, convertV4MiniflareOptions, Log, LogLevel } = createRequire(require.resolve("wrangler/package.json"))("miniflare");
  const { name, main, workerOptions } = options;
  const build = dirname(main);
  const worker = [
    { type: "ESModule", path: main },
    { type: "CompiledWasm", path: join(build, "index_bg.wasm") },
  ];
  // The first is what runs. It stands where the Worker stands, to import it by the same name anywhere.
  const contents = around && readFileSync(around, "utf8");
  const outside = around ? [{ type: "ESModule", path: join(build, "around.js"), contents }] : [];
  const asked = {
    ...workerOptions,
    name,
    bindings: { ...workerOptions.bindings, ...variables },
    modulesRoot: build,
    modules: [...outside, ...worker],
    host: "127.0.0.1",
    port,
    // Where wrangler keeps it below its --persist-to.
    resourcePersistencePath: join(state, "v3"),
    cf: false,
    log: new Log(LogLevel.WARN),
    logRequests: false,
  };
  const miniflare = new Miniflare(convertV4MiniflareOptions(asked));
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => miniflare.dispose().finally(() => process.exit()));
  }
  await miniflare.ready;
}

const [command, file] = process.argv.slice(2);
if (command === "options") {
  process.stdout.write(JSON.stringify(await options()));
} else {
  await serve(JSON.parse(readFileSync(file, "utf8")));
}
