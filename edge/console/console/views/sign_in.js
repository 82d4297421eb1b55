import { apiOf } from "../api.js";
import { h } from "../dom.js";
import { secretForm } from "../parts/secret_form.js";
import { t } from "../strings/index.js";

/** Takes an API key or token and tries it before it is kept. */
export function signInView({ signIn, notice, signal }) {
  const attempt = async (secret) => signIn(secret, await apiOf(secret).quota(signal));
  return h(
    "div",
    { class: "narrow" },
    h("h1", { tabindex: "-1" }, t("signIn.title")),
    h("p", { class: "lead" }, t("signIn.lead")),
    notice && h("p", { class: "note note-bad", role: "alert" }, notice),
    secretForm({ label: t("signIn.key"), hint: t("signIn.hint"), action: t("signIn.submit"), attempt }),
    h("p", { class: "small" }, h("a", { href: "#/operator" }, t("signIn.operator"))),
  );
}
