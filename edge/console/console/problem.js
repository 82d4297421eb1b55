// What went wrong, in the words of the API (RFC 9457), whichever way it went wrong.

import { duration, moment } from "./format.js";
import { has, t } from "./strings/index.js";

/** A refusal of the API, or the reason why there was no answer. */
export class Problem extends Error {
  constructor(fields) {
    super(fields.detail ?? fields.title ?? fields.code);
    this.status = fields.status ?? 0;
    this.code = fields.code;
    this.title = fields.title ?? "";
    this.detail = fields.detail ?? "";
    this.requestId = fields.request_id ?? "";
    this.plans = fields.admitting_plans ?? [];
    /** The earliest deadline that can be met, where the API said one. */
    this.earliestMs = fields.earliest_feasible_ms ?? null;
    /** Milliseconds after which the same request may pass, where the API said so. */
    this.retryAfterMs = fields.retryAfterMs ?? null;
  }

  /** Of an answer that is not 2xx. */
  static async of(answer) {
    const seconds = Number.parseInt(answer.headers.get("retry-after") ?? "", 10);
    const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : null;
    const fields = await answer.json().catch(() => ({}));
    // Something before the edge may have answered, in words of its own.
    const code = typeof fields.code === "string" ? fields.code : "unexpected";
    return new Problem({ ...fields, code, status: answer.status, retryAfterMs });
  }

  static unreachable() {
    return new Problem({ code: "unreachable" });
  }

  /** Whether this edge does not have the endpoint at all: it is older than the console, or younger. */
  get notThere() {
    return this.code === "route-not-found" || this.code === "method-not-allowed";
  }

  /** Whether the credentials no longer let anybody in. */
  get refusesCredentials() {
    return this.status === 401;
  }

  /** One line: what happened. */
  get heading() {
    const name = `problem.${this.code}`;
    if (has(name)) return t(name);
    return this.title || t("problem.unexpected");
  }

  /** What to do about it, in sentences. */
  get advice() {
    const advice = [];
    if (has(`advice.${this.code}`)) advice.push(t(`advice.${this.code}`));
    else if (this.detail) advice.push(sentence(this.detail));
    if (this.earliestMs !== null) advice.push(t("advice.earliest", { time: moment(this.earliestMs) }));
    if (this.retryAfterMs !== null) advice.push(t("advice.retryAfter", { time: duration(this.retryAfterMs) }));
    if (this.plans.length > 0) advice.push(t("advice.plans", { plans: this.plans.join(", ") }));
    return advice;
  }
}

/** The API writes details as parts of a sentence. */
export function sentence(text) {
  const ended = /[.!?。]$/.test(text) ? text : `${text}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
