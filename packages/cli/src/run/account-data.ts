import path from "node:path";
import { saveFromCoordinator } from "../call-coordinator.js";
import { createOutput } from "../output.js";
import { sessionToken } from "./device.js";
import { askAsOwner, type OwnerOptions } from "./own-account.js";

/** `umbel account export`. */
export async function exportAccount(options: OwnerOptions & { readonly output?: string }): Promise<void> {
  const output = createOutput(options);
  const file = path.resolve(options.output ?? "umbel-account.zip");
  const place = { path: "/v1/me/export", token: await sessionToken(options), remedy: "Wait for the end of the export that is under way." };
  const size_bytes = await saveFromCoordinator(options.coordinator, place, file);
  output.result({ file, size_bytes });
  output.line(`Saved ${file}.`);
}

/** `umbel account erase`. */
export async function eraseAccount(options: OwnerOptions & { readonly confirm: string; readonly forfeit?: boolean }): Promise<void> {
  const output = createOutput(options);
  const body = { confirm: options.confirm, forfeit: options.forfeit === true };
  const remedy = "Withdraw what is on the account, or add --forfeit; --confirm is its e-mail address, or its id.";
  const answer = await askAsOwner(options, { method: "POST", path: "/me/erase", body, remedy });
  output.result(answer);
  output.line(`The account ends at ${String(answer["scheduled_for"])}. Until then it can go on with: umbel account keep`);
}

/** `umbel account keep`. */
export async function keepAccount(options: OwnerOptions): Promise<void> {
  const output = createOutput(options);
  output.result(await askAsOwner(options, { method: "DELETE", path: "/me/erase", remedy: "There is nothing to undo." }));
  output.line("The account goes on. Link its machines anew with: umbel provider login");
}
