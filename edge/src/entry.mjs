// What the runtime calls.
import { DurableObject } from "cloudflare:workers";
import Entrypoint, { Account, Lane } from "../build/index.js";

// Methods of an object can be called where its class derives from the runtime's own, which generated ones do not.
for (const { prototype } of [Account, Lane]) {
  Object.setPrototypeOf(prototype.constructor, DurableObject);
  Object.setPrototypeOf(prototype, DurableObject.prototype);
}

// The generated entry is a class, which the runtime would construct anew for every request behind a proxy: more work
// than all that a refusal from memory does. Functions of a plain object cost nothing of that.
const state = globalThis.__worker_init_state;
const handlers = {};
for (const name of Object.getOwnPropertyNames(Entrypoint.prototype)) {
  const handle = Entrypoint.prototype[name];
  if (name === "constructor") continue;
  handlers[name] = (event, env, ctx) => {
    // After a crash the class starts the program anew.
    if (state.criticalError) return new Entrypoint(ctx, env)[name](event);
    try {
      return handle.call({ env, ctx }, event);
    } catch (error) {
      state.criticalError ||= error instanceof WebAssembly.RuntimeError;
      throw error;
    }
  };
}

export { Account, Lane, handlers as default };
