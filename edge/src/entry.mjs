// What the runtime calls: the Worker's handlers and its objects' classes, around the program that Rust was compiled to.
import { DurableObject } from "cloudflare:workers";
// build.sh puts this beside what wasm-bindgen wrote.
import * as program from "./index.js";

// `criticalError` is set by the program's own panic hook too; `instanceId` tells one life of the program from the next.
const state = program.__worker_init_state();

// A panic tells where it came from.
Error.stackTraceLimit = 100;

/** Memory that a crash left behind is trusted by nobody: whatever comes next begins with a program of its own. */
function revive() {
  if (!state.criticalError) return;
  console.log("the program crashed and begins anew");
  program.__wbg_reset_state();
  state.criticalError = false;
  state.instanceId += 1;
}

function note(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  console.error("the program crashed", error);
  state.criticalError = true;
}

// What crashes while a promise is carried on is thrown to nobody.
addEventListener("error", ({ error }) => note(error));

function call(work) {
  revive();
  try {
    return work();
  } catch (error) {
    note(error);
    throw error;
  }
}

/** An object's class. Its inside belongs to one life of the program and is made anew in the next. */
function durable(Inside) {
  // What the runtime and other objects call; what a generated class has for its memory is not among it.
  const isCalled = (name) => name !== "constructor" && name !== "free" && !name.startsWith("_");

  return class extends DurableObject {
    #inside;
    #life;

    static {
      for (const name of Object.getOwnPropertyNames(Inside.prototype).filter(isCalled)) {
        this.prototype[name] = function (...values) {
          return call(() => this.#alive()[name](...values));
        };
      }
    }

    constructor(ctx, env) {
      super(ctx, env);
      call(() => this.#alive());
    }

    #alive() {
      if (this.#life !== state.instanceId) {
        this.#inside = new Inside(this.ctx, this.env);
        this.#life = state.instanceId;
      }
      return this.#inside;
    }
  };
}

export const Account = durable(program.Account);
export const Lane = durable(program.Lane);

// Functions of a plain object: a class would be constructed anew for every request, which is more work than all that a
// refusal from memory does.
export default { fetch: (request, env, ctx) => call(() => program.fetch(request, env, ctx)) };
