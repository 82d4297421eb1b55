// The edge's HTTP interface, one function a call. Every failure is a Problem.

import { Problem } from "./problem.js";

/** Calls with these credentials; `onRefused` hears when they no longer let in. */
export function apiOf(token, { onRefused = () => {}, fetcher = (...call) => fetch(...call) } = {}) {
  async function send(path, { method = "GET", body, headers = {}, signal } = {}) {
    const fields = { authorization: `Bearer ${token}`, ...headers };
    let answer;
    try {
      answer = await fetcher(path, { method, body, headers: fields, signal, credentials: "omit" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw Problem.unreachable();
    }
    if (answer.ok) return answer;
    const problem = await Problem.of(answer);
    if (problem.refusesCredentials) onRefused(problem);
    throw problem;
  }

  const json = async (path, options) => (await send(path, options)).json();
  const post = (path, value, signal) =>
    json(path, { method: "POST", signal, ...(value === undefined ? {} : jsonBody(value)) });
  const segment = encodeURIComponent;

  return {
    token,
    quota: (signal) => json("/v1/quota", { signal }),
    models: async (signal) => (await json("/v1/models", { signal })).models,
    submit: (job, signal) => post("/v1/jobs", job, signal),
    submitFile: (model, file, { parameters, ...times }, signal) =>
      json(`/v1/models/${segment(model)}/jobs${query({ ...prefixed(parameters), ...times })}`, {
        method: "POST",
        body: file,
        headers: { "content-type": file.type },
        signal,
      }),
    job: (id, { waitS = 0, signal } = {}) =>
      json(`/v1/jobs/${segment(id)}${query({ wait: waitS || null })}`, { signal }),
    jobs: (filter, signal) => json(`/v1/jobs${query(filter)}`, { signal }),
    cancel: (id, signal) => post(`/v1/jobs/${segment(id)}/cancel`, undefined, signal),
    retry: (id, signal) => post(`/v1/jobs/${segment(id)}/retry`, undefined, signal),
    result: async (id, signal) => {
      const answer = await send(`/v1/jobs/${segment(id)}/result`, { signal });
      return answer.blob();
    },
    usage: async (range, signal) => (await json(`/v1/usage${query(range)}`, { signal })).days,
    usageCsv: async (range, signal) =>
      (await send(`/v1/usage${query(range)}`, { headers: { accept: "text/csv" }, signal })).blob(),
    webhooks: async (signal) => (await json("/v1/webhooks", { signal })).webhooks,
    webhook: (id, signal) => json(`/v1/webhooks/${segment(id)}`, { signal }),
    createWebhook: (webhook, signal) => post("/v1/webhooks", webhook, signal),
    updateWebhook: (id, change, signal) =>
      json(`/v1/webhooks/${segment(id)}`, { method: "PATCH", signal, ...jsonBody(change) }),
    deleteWebhook: (id, signal) => send(`/v1/webhooks/${segment(id)}`, { method: "DELETE", signal }),
    rotateWebhook: (id, signal) => post(`/v1/webhooks/${segment(id)}/rotate`, undefined, signal),
    testWebhook: (id, signal) => post(`/v1/webhooks/${segment(id)}/test`, undefined, signal),
    deliveries: (id, page, signal) => json(`/v1/webhooks/${segment(id)}/deliveries${query(page)}`, { signal }),
    replayDelivery: (id, delivery, signal) =>
      post(`/v1/webhooks/${segment(id)}/deliveries/${segment(delivery)}/replay`, undefined, signal),
    lanes: async (signal) => (await json("/v1/lanes", { signal })).lanes,
    keys: (filter, signal) => json(`/internal/v1/keys${query(filter)}`, { signal }),
    createKey: (key, signal) => post("/internal/v1/keys", key, signal),
    rotateKey: (id, graceS, signal) => post(`/internal/v1/keys/${segment(id)}/rotate`, { grace_s: graceS }, signal),
    revokeKey: (id, signal) => json(`/internal/v1/keys/${segment(id)}`, { method: "DELETE", signal }),
  };
}

function jsonBody(value) {
  return { body: JSON.stringify(value), headers: { "content-type": "application/json" } };
}

/** Parameters in a query are named apart from the query's own. */
function prefixed(parameters) {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [`p.${name}`, value]));
}

/** `?a=1&b=2` of what has a value, else nothing. */
export function query(fields) {
  const given = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
