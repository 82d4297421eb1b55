// Who is signed in. Secrets live in sessionStorage alone: they end with the tab and are never part of an address.

const KEY = "forebay.key";
const OPERATOR = "forebay.operator";
const VISIT = "forebay.visit";

/** How many jobs of this visit are remembered. */
const MOST = 100;

/** The API key or token of the account, or null. */
export const key = secret(KEY);

/** The operator's token, or null. */
export const operator = secret(OPERATOR);

function secret(name) {
  return {
    get: () => sessionStorage.getItem(name),
    set: (text) => sessionStorage.setItem(name, text),
    forget: () => sessionStorage.removeItem(name),
  };
}

/** The jobs that were submitted from this tab, newest first: `{ id, about }`. */
export const visit = {
  jobs: () => JSON.parse(sessionStorage.getItem(VISIT) ?? "[]"),
  add(id, about) {
    const others = visit.jobs().filter((job) => job.id !== id);
    sessionStorage.setItem(VISIT, JSON.stringify([{ id, about }, ...others].slice(0, MOST)));
  },
  forget: () => sessionStorage.removeItem(VISIT),
};
