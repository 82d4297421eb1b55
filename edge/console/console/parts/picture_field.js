import { h, replace, uniqueId } from "../dom.js";
import { bytes } from "../format.js";
import { t } from "../strings/index.js";

/** The most pictures at once. */
const MOST = 50;

/** A place to drop pictures on, which is also a button that chooses files. */
export function pictureField(model, draft, { onInput, signal }) {
  const id = uniqueId("pictures");
  const types = model.input.media_types.filter((type) => type.startsWith("image/"));
  const names = types.map((type) => type.slice(6).toUpperCase()).join(", ");
  const limit = bytes(model.input.max_bytes);
  draft.files ??= [];

  const chooser = h("input", {
    type: "file",
    id,
    class: "drop-input",
    accept: types.join(","),
    multiple: true,
    "aria-describedby": `${id}-hint`,
    onchange: choose,
  });
  const wrongs = h("div", { role: "alert", class: "bad" });
  const list = h("ul", { class: "thumbs" });
  const zone = h(
    "div",
    { class: "drop", ondragover: over, ondragleave: () => zone.classList.remove("drop-over"), ondrop: dropped },
    chooser,
    h("label", { for: id }, h("span", { class: "drop-mark", "aria-hidden": "true" }, "↥"), t("submit.drop")),
    h("p", { id: `${id}-hint`, class: "faint small" }, t("submit.dropHint", { types: names, size: limit })),
  );

  function over(event) {
    event.preventDefault();
    zone.classList.add("drop-over");
  }
  function dropped(event) {
    event.preventDefault();
    zone.classList.remove("drop-over");
    take([...event.dataTransfer.files]);
  }
  function choose() {
    take([...chooser.files]);
    chooser.value = "";
  }
  function take(files) {
    const wrong = [];
    for (const file of files) {
      if (!types.includes(file.type)) wrong.push(t("submit.wrongType", { name: file.name, types: names }));
      else if (file.size > model.input.max_bytes) wrong.push(t("submit.tooLarge", { name: file.name, size: limit }));
      else if (draft.files.length >= MOST) wrong.push(t("submit.tooMany", { most: MOST }));
      else draft.files.push(file);
    }
    replace(
      wrongs,
      [...new Set(wrong)].map((sentence) => h("p", {}, sentence)),
    );
    show();
    onInput();
  }

  let addresses = [];
  function show() {
    addresses.forEach((address) => URL.revokeObjectURL(address));
    addresses = draft.files.map((file) => URL.createObjectURL(file));
    const thumbs = draft.files.map((file, at) =>
      h(
        "li",
        {},
        h("img", { src: addresses[at], alt: file.name, width: 72, height: 72 }),
        h(
          "button",
          {
            type: "button",
            class: "thumb-remove",
            "aria-label": t("submit.remove", { name: file.name }),
            onclick: () => remove(at),
          },
          "×",
        ),
      ),
    );
    replace(list, thumbs);
  }
  function remove(at) {
    const [file] = draft.files.splice(at, 1);
    show();
    onInput();
    (list.querySelectorAll("button")[at] ?? chooser).focus();
  }
  signal.addEventListener("abort", () => addresses.forEach((address) => URL.revokeObjectURL(address)));
  show();

  return {
    element: h("div", { class: "field" }, zone, wrongs, list),
    count: () => Math.max(1, draft.files.length),
    read() {
      if (draft.files.length === 0) return { wrong: t("submit.noPicture"), field: chooser };
      return { inputs: draft.files.map((file) => ({ about: file.name, file })), left: 0 };
    },
    sent(count) {
      draft.files.splice(0, count);
      replace(wrongs);
      show();
      onInput();
    },
  };
}
