# The built edge and its floors in one workerd, with nothing of a development proxy between. README.md has the command.
# The variables QUEUE_URL_PREFIX and BUCKET_URL say where the queues and the bucket are.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    (name = "floor", worker = .floor),
    (name = "cache-floor", worker = .cacheFloor),
    (name = "cache", worker = .cache),
    (name = "kv", worker = .kv),
    (name = "outbound", worker = .sink),
    # Where the objects' databases lie: `--directory-path disk=DIR`.
    (name = "disk", disk = (writable = true)),
  ],
  # Addresses: `--socket-addr edge=127.0.0.1:PORT`.
  sockets = [
    (name = "edge", http = (), service = "edge"),
    (name = "floor", http = (), service = "floor"),
    (name = "cache-floor", http = (), service = "cache-floor"),
  ],
);

# The same over a real queue and a real bucket on this machine.
const overAws :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    (name = "floor", worker = .floor),
    (name = "cache-floor", worker = .cacheFloor),
    (name = "cache", worker = .cache),
    (name = "kv", worker = .kv),
    (name = "outbound", network = (allow = ["local", "private"])),
    (name = "disk", disk = (writable = true)),
  ],
  sockets = [
    (name = "edge", http = (), service = "edge"),
    (name = "floor", http = (), service = "floor"),
    (name = "cache-floor", http = (), service = "cache-floor"),
  ],
);

# The edge alone, with everything counted that its objects do: count.mjs.
const counted :Workerd.Config = (
  services = [
    (name = "edge", worker = .countedEdge),
    (name = "cache", worker = .cache),
    (name = "kv", worker = .kv),
    (name = "outbound", worker = .sink),
    (name = "disk", disk = (writable = true)),
  ],
  sockets = [ (name = "edge", http = (), service = "edge") ],
);

const countedEdge :Workerd.Worker = (
  modules = [
    (name = "counted.mjs", esModule = embed "counted.mjs"),
    (name = "index.js", esModule = embed "../build/index.js"),
    (name = "index_bg.wasm", wasm = embed "../build/index_bg.wasm"),
  ],
  compatibilityDate = "2026-11-01",
  bindings = .bindings,
  durableObjectNamespaces = .objects,
  durableObjectStorage = (localDisk = "disk"),
  globalOutbound = "outbound",
  cacheApiOutbound = "cache",
);

const edge :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "../build/index.js"),
    (name = "index_bg.wasm", wasm = embed "../build/index_bg.wasm"),
  ],
  compatibilityDate = "2026-11-01",
  bindings = .bindings,
  durableObjectNamespaces = .objects,
  durableObjectStorage = (localDisk = "disk"),
  globalOutbound = "outbound",
  cacheApiOutbound = "cache",
);

const bindings :List(Workerd.Worker.Binding) = [
  (name = "ACCOUNT", durableObjectNamespace = "Account"),
  (name = "LANE", durableObjectNamespace = "Lane"),
  (name = "CONFIG", kvNamespace = "kv"),
  (name = "AWS_REGION", text = "us-east-1"),
  (name = "AWS_ACCESS_KEY_ID", text = "bench"),
  (name = "AWS_SECRET_ACCESS_KEY", text = "bench"),
  (name = "REPORT_SECRET", text = "bench-bench-bench-bench-bench-bench"),
  (name = "ALLOW_LOOPBACK", text = "true"),
  (name = "QUEUE_URL_PREFIX", fromEnvironment = "QUEUE_URL_PREFIX"),
  (name = "BUCKET_URL", fromEnvironment = "BUCKET_URL"),
  # No report is lost here, so the bucket need not be asked.
  (name = "RECONCILE_AFTER_MS", text = "86400000"),
];

const objects :List(Workerd.Worker.DurableObjectNamespace) = [
  (className = "Account", uniqueKey = "account", enableSql = true),
  (className = "Lane", uniqueKey = "lane", enableSql = true),
];

const floor :Workerd.Worker = (
  modules = [ (name = "floor.mjs", esModule = embed "floor.mjs") ],
  compatibilityDate = "2026-11-01",
  bindings = [ (name = "FLOOR", durableObjectNamespace = "Floor") ],
  durableObjectNamespaces = [ (className = "Floor", uniqueKey = "floor", enableSql = true) ],
  durableObjectStorage = (localDisk = "disk"),
);

const cacheFloor :Workerd.Worker = (
  modules = [ (name = "cache_floor.mjs", esModule = embed "cache_floor.mjs") ],
  compatibilityDate = "2026-11-01",
  cacheApiOutbound = "cache",
);

const cache :Workerd.Worker = (
  modules = [ (name = "cache.mjs", esModule = embed "cache.mjs") ],
  compatibilityDate = "2026-11-01",
);

const kv :Workerd.Worker = (
  modules = [ (name = "kv.mjs", esModule = embed "kv.mjs") ],
  compatibilityDate = "2026-11-01",
);

const sink :Workerd.Worker = (
  modules = [ (name = "sink.mjs", esModule = embed "sink.mjs") ],
  compatibilityDate = "2026-11-01",
);
