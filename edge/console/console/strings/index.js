// Every word of the console, in the language that is chosen.

import { en } from "./en.js";
import { enOperator } from "./en_operator.js";
import { enProblems } from "./en_problems.js";
import { enWebhooks } from "./en_webhooks.js";
import { zh } from "./zh.js";
import { zhOperator } from "./zh_operator.js";
import { zhProblems } from "./zh_problems.js";
import { zhWebhooks } from "./zh_webhooks.js";

/** A table a language: all its strings by their names. */
export const TABLES = {
  en: { ...en, ...enOperator, ...enProblems, ...enWebhooks },
  zh: { ...zh, ...zhOperator, ...zhProblems, ...zhWebhooks },
};
const TAGS = { en: "en", zh: "zh-CN" };
/**
 * Whose numbers and dates fit the table's words: Chinese here is written in simplified characters. Browsers also tell of
 * languages that are none to Intl, such as `en-US@posix`.
 */
const REGIONS = { en: /^en(-[A-Z]{2})?$/, zh: /^zh-(CN|SG|Hans|Hans-[A-Z]{2})$/ };
let chosen = "en";
let region = TAGS.en;

/** Speaks a language; `tags` are the browser's, of which the first of that language says how dates and numbers look. */
export function speak(language, tags = []) {
  chosen = language in TABLES ? language : "en";
  region = tags.find((tag) => REGIONS[chosen].test(tag)) ?? TAGS[chosen];
}

/** The tag for `lang`. */
export function tag() {
  return TAGS[chosen];
}

/** The tag for formatting. */
export function locale() {
  return region;
}

export function has(name) {
  return name in TABLES[chosen];
}

/** The string of that name. `{field}` becomes the field; `{ one, other }` is chosen by the field `count`. */
export function t(name, fields = {}) {
  const entry = TABLES[chosen][name] ?? TABLES.en[name] ?? name;
  const text = typeof entry === "string" ? entry : (entry[pluralOf(fields.count)] ?? entry.other);
  return text.replace(/\{(\w+)\}/g, (whole, field) => (field in fields ? String(fields[field]) : whole));
}

function pluralOf(count) {
  return new Intl.PluralRules(locale()).select(count);
}
