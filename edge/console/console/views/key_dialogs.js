// Dialogs over the list of keys.

import { h } from "../dom.js";
import { openDialog, secretShown, textField } from "../parts/dialog.js";
import { t } from "../strings/index.js";

const A_DAY_S = 86_400;
const after = ({ secret }) => secretShown(secret, t("keys.shownLead"));

/** Makes a key and shows its secret. */
export function createDialog({ api, signal }, done) {
  const account = textField(t("keys.account"), { required: true });
  const plan = textField(t("keys.plan"), { required: true });
  const name = textField(`${t("keys.name")} (${t("keys.optional")})`, {});
  const groups = textField(`${t("keys.groups")} (${t("keys.optional")})`, {});
  const ends = textField(`${t("keys.ends")} (${t("keys.optional")})`, { type: "number", min: 1, max: 3650 });
  const list = () =>
    groups
      .value()
      .split(",")
      .map((group) => group.trim())
      .filter(Boolean);
  const act = () =>
    api.createKey(
      {
        account: account.value(),
        plan: plan.value(),
        ...(name.value() && { name: name.value() }),
        ...(list().length > 0 && { groups: list() }),
        ...(ends.value() && { expires_in_s: Number(ends.value()) * A_DAY_S }),
      },
      signal,
    );
  const fields = [account, plan, name, groups, ends].map(({ field }) => field);
  openDialog({ title: t("keys.new"), fields, action: t("keys.create"), act, after, done, signal });
}

/** Gives a key a new secret and shows it. */
export function rotateDialog(key, { api, signal }, done) {
  const grace = textField(t("keys.grace"), { type: "number", min: 0, max: 720, value: 24, required: true });
  const act = () => api.rotateKey(key.id, Number(grace.value()) * 3600, signal);
  const fields = [h("p", {}, t("keys.rotateLead")), grace.field];
  openDialog({ title: t("keys.rotateOf", key), fields, action: t("keys.rotate"), act, after, done, signal });
}

/** Asks once more, then ends a key. */
export function revokeDialog(key, { api, signal }, done) {
  const act = () => api.revokeKey(key.id, signal);
  const fields = [h("p", {}, t("keys.revokeLead"))];
  openDialog({
    title: t("keys.revokeOf", key),
    fields,
    action: t("keys.revoke"),
    act,
    done,
    dismiss: t("keys.cancel"),
    signal,
  });
}
