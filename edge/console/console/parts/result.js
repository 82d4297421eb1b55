// A result as a person can read it: a picture, labels, a vector, a text, or the JSON as it is.

import { announce } from "../announce.js";
import { h } from "../dom.js";
import { percent } from "../format.js";
import { t } from "../strings/index.js";
import { fillFrom } from "./loading.js";
import { vectorOf } from "./vector.js";

/** The result of a job that succeeded; it is fetched when this is made. */
export function resultOf(job, { api, signal }) {
  const place = h("div", { class: "result" });
  fillFrom(
    place,
    async () => {
      const blob = await api.result(job.id, signal);
      const type = blob.type.split(";")[0];
      return { blob, type, json: type === "application/json" ? JSON.parse(await blob.text()) : null };
    },
    (loaded) => shown(job, loaded, signal),
    signal,
  );
  return place;
}

function shown(job, { blob, type, json }, signal) {
  const address = URL.createObjectURL(blob);
  signal.addEventListener("abort", () => URL.revokeObjectURL(address));
  const ending =
    { "application/json": "json", "image/png": "png", "image/jpeg": "jpg", "text/plain": "txt" }[type] ?? "bin";
  const save = h("a", { href: address, download: `${job.id}.${ending}`, class: "button quiet" }, t("result.save"));
  const body = h("div", {}, bodyOf(job, { type, json, address }));
  const cut = json?.truncated === true && h("p", { class: "note" }, t("result.truncated"));
  if (type === "text/plain") blob.text().then((text) => body.replaceChildren(textOf(text)));
  return h("div", {}, body, cut, h("div", { class: "actions" }, json && copyButton(json), save));
}

function bodyOf(job, { type, json, address }) {
  if (type.startsWith("image/")) return pictureOf(job, address);
  if (Array.isArray(json?.classes)) return labelsOf(json.classes);
  if (Array.isArray(json?.embedding)) return vectorOf(json.embedding);
  if (typeof json?.text === "string") return textOf(json.text);
  if (json !== null) return h("pre", { tabindex: "0", class: "plain" }, JSON.stringify(json, null, 2));
  return null;
}

function pictureOf(job, address) {
  const picture = h("img", { src: address, alt: t("result.picture", { model: job.model }), class: "picture" });
  // A small one is shown larger, pixel by pixel, rather than blurred.
  picture.addEventListener("load", () => {
    const times = Math.max(1, Math.floor(192 / picture.naturalWidth));
    picture.width = picture.naturalWidth * times;
    picture.classList.toggle("pixels", times > 1);
  });
  return picture;
}

/** How many labels are shown before one asks for all. */
const FIRST = 10;

function labelsOf(classes) {
  const list = h("ol", { class: "labels", "aria-label": t("result.labels") }, classes.slice(0, FIRST).map(labelOf));
  const rest = classes.slice(FIRST);
  if (rest.length === 0) return list;
  const more = h("button", { type: "button", class: "quiet", onclick: showRest }, `+ ${rest.length}`);
  function showRest() {
    list.append(...rest.map(labelOf));
    more.remove();
  }
  return h("div", {}, list, more);
}

function labelOf({ label, index, probability }) {
  return h(
    "li",
    {},
    h("span", { class: "label-name" }, label ?? String(index)),
    h("span", { class: "label-share" }, percent(probability)),
    h("span", { class: "label-bar", "aria-hidden": "true", style: { "--share": probability.toFixed(4) } }),
  );
}

function textOf(text) {
  return h("p", { class: "result-text" }, text);
}

function copyButton(json) {
  const copy = async () => {
    await navigator.clipboard.writeText(JSON.stringify(json));
    announce(t("job.copied"));
  };
  return h("button", { type: "button", class: "quiet", onclick: copy }, t("result.copy"));
}
