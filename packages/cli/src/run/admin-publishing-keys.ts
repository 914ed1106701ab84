import { API_ANSWERS } from "@umbel/coordinator/answers";
import { timeOf } from "../dates.js";
import { createOutput, table } from "../output.js";
import { adminCall, asOperator, type PublishingOptions } from "../publishing/admin-call.js";

const { issuedPublishingKey, publishingKeyTable, revokedPublishingKey } = API_ANSWERS;
const PATH = "/publishing-keys";

/** `umbel admin publishing-keys create`. */
export async function createPublishingKey(
  name: string,
  options: PublishingOptions & { readonly scopes: string; readonly expires?: string },
): Promise<void> {
  const output = createOutput(options);
  const scopes = options.scopes.split(",").map((scope) => scope.trim());
  const body = { name, scopes, ...(options.expires === undefined ? {} : { expires_at: timeOf(options.expires) }) };
  const remedy = "Give a name, and --scopes of register, promote, alias and release.";
  const issued = await adminCall(await asOperator(options), { method: "POST", pathname: PATH, body, answer: issuedPublishingKey, remedy });
  output.result(issued);
  output.line(`Publishing key: ${issued.key}\nIt is shown once. Id: ${issued.data.id}. Use it as UMBEL_PUBLISHING_KEY.`);
}

/** `umbel admin publishing-keys list`. */
export async function listPublishingKeys(options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const list = await adminCall(await asOperator(options), { method: "GET", pathname: PATH, answer: publishingKeyTable });
  output.result(list);
  output.line(
    list.data.length === 0
      ? "There are no publishing keys. Make one with: umbel admin publishing-keys create"
      : table(
          ["ID", "NAME", "KEY", "SCOPES", "STATE", "LAST USED"],
          list.data.map((key) => [
            ...[key.id, key.name, key.label, key.scopes.join(",")],
            key.revoked_at === null ? (key.expires_at === null ? "valid" : `until ${key.expires_at}`) : `revoked ${key.revoked_at}`,
            key.last_used_at ?? "never",
          ]),
        ),
  );
}

/** `umbel admin publishing-keys revoke`. */
export async function revokePublishingKey(id: string, options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const pathname = `${PATH}/${encodeURIComponent(id)}`;
  const remedy = "See them with: umbel admin publishing-keys list";
  output.result(await adminCall(await asOperator(options), { method: "DELETE", pathname, answer: revokedPublishingKey, remedy }));
  output.line(`Revoked ${id}.`);
}
