import { randomUUID } from "node:crypto";
import { API_ANSWERS } from "@umbel/coordinator/answers";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { formatUsd, parseUsd } from "../money.js";
import { createOutput, table } from "../output.js";
import { adminCall, asOperator, type PublishingOptions } from "../publishing/admin-call.js";

const { auditTable, feeAnswer, hardwareCapSet, mergeAnswer, pricingAnswer, roleAnswer, userLedger, userTable, userUpdated } = API_ANSWERS;
const SEE_USERS = "See accounts with: umbel admin users";

/** `umbel admin users`. */
export async function listUsers(text: string, options: PublishingOptions & { readonly limit: string }): Promise<void> {
  const output = createOutput(options);
  const pathname = `/users?${new URLSearchParams({ q: text, limit: options.limit })}`;
  const list = await adminCall(await asOperator(options), { method: "GET", pathname, answer: userTable, remedy: "Check --limit." });
  output.result(list);
  output.line(
    list.data.length === 0
      ? "There is no such account."
      : table(
          ["ACCOUNT", "E-MAIL", "BALANCE", "WITHDRAWABLE", "KEYS", "MACHINES", "STATE"],
          list.data.map((user) => [
            ...[user.account_id, user.email ?? ""],
            ...[user.balance_micro_usd, user.withdrawable_micro_usd].map((amount) => formatUsd(BigInt(amount))),
            ...[String(user.keys), String(user.machines), stateOf(user)],
          ]),
        ),
  );
  if (list.next !== null) output.note("There are more. Narrow it down, or raise --limit.");
}

/** `umbel admin ledger`. */
export async function showLedger(
  account: string,
  options: PublishingOptions & { readonly limit: string; readonly before?: string },
): Promise<void> {
  if (options.before !== undefined && !/^[1-9]\d{0,15}$/.test(options.before)) {
    const remedy = "Give --before the number of an entry, as the list shows it.";
    throw new CliError(`"${options.before}" is no number of an entry.`, EXIT_CODES.usage, remedy);
  }
  const output = createOutput(options);
  const query = new URLSearchParams({ limit: options.limit, ...(options.before === undefined ? {} : { cursor: options.before }) });
  const pathname = `/users/${encodeURIComponent(account)}/ledger?${query}`;
  const list = await adminCall(await asOperator(options), { method: "GET", pathname, answer: userLedger, remedy: SEE_USERS });
  output.result(list);
  output.line(
    list.data.length === 0
      ? "Nothing has moved on this account."
      : table(
          ["ENTRY", "TIME", "TYPE", "USD", "BALANCE", "REFERENCE"],
          list.data.map((row) => [
            ...[String(row.seq), row.created_at, row.type, row.amount_usd],
            ...[formatUsd(BigInt(row.balance_after_micro_usd)), row.reference],
          ]),
        ),
  );
  if (list.next !== null) output.note(`There are more, with --before ${list.next}.`);
}

/** `umbel admin role`. */
export async function setRole(account: string, role: string, options: PublishingOptions): Promise<void> {
  if (role !== "service" && role !== "normal") throw new CliError(`"${role}" is no role.`, EXIT_CODES.usage, "Give service or normal.");
  const body = { account_id: account, role: role === "service" ? role : "" };
  await change(options, { method: "PUT", pathname: "/users/role", body, answer: roleAnswer, done: `"${account}" is ${role} now.` });
}

/** `umbel admin fee`. */
export async function setFee(account: string, percent: string, options: PublishingOptions): Promise<void> {
  if (percent !== "default" && !/^(?:\d{1,2}|100)$/.test(percent)) {
    throw new CliError(`"${percent}" is no fee.`, EXIT_CODES.usage, "Give a whole number from 0 to 100, or default.");
  }
  const platform_fee_percent = percent === "default" ? null : Number(percent);
  const done = platform_fee_percent === null ? "the default fee now." : `a fee of ${percent} percent now.`;
  const body = { account_id: account, platform_fee_percent };
  await change(options, { method: "PUT", pathname: "/users/platform-fee", body, answer: feeAnswer, done: `"${account}" pays ${done}` });
}

/** `umbel admin freeze`. */
export async function freezeAccount(account: string, options: PublishingOptions & { readonly reason: string }): Promise<void> {
  const pathname = `/users/${encodeURIComponent(account)}/freeze`;
  const done = `"${account}" is frozen. Let it go on with: umbel admin unfreeze ${account}`;
  await change(options, { method: "POST", pathname, body: { reason: options.reason }, answer: userUpdated, done });
}

/** `umbel admin unfreeze`. */
export async function unfreezeAccount(account: string, options: PublishingOptions): Promise<void> {
  const pathname = `/users/${encodeURIComponent(account)}/unfreeze`;
  await change(options, { method: "POST", pathname, body: {}, answer: userUpdated, done: `"${account}" may go on.` });
}

/** `umbel admin merge`. */
export async function mergeAccount(account: string, options: PublishingOptions & { readonly into: string }): Promise<void> {
  const output = createOutput(options);
  const pathname = `/users/${encodeURIComponent(account)}/merge`;
  const body = { into: options.into };
  const call = { method: "POST", pathname, body, answer: mergeAnswer, idempotencyKey: randomUUID(), remedy: SEE_USERS } as const;
  const merged = await adminCall(await asOperator(options), call);
  output.result(merged);
  output.line(`"${account}" went over to "${merged.into}", with ${merged.moved_usd} USD.`);
}

/** `umbel admin price`. */
export async function setPrice(
  model: string,
  options: PublishingOptions & { readonly input: string; readonly output: string },
): Promise<void> {
  const output = createOutput(options);
  const body = { model, input_price: Number(parseUsd(options.input)), output_price: Number(parseUsd(options.output)) };
  const remedy = "See builds with: umbel models registry. Prices are USD per million tokens, above zero.";
  const call = { method: "PUT", pathname: "/pricing", body, answer: pricingAnswer, idempotencyKey: randomUUID(), remedy } as const;
  const set = await adminCall(await asOperator(options), call);
  output.result(set);
  output.line(`${model} costs ${set.input_usd} of prompt and ${set.output_usd} of answer now.`);
}

/** `umbel admin hardware-cap`. */
export async function setHardwareCap(computeClass: string, memory: string, options: PublishingOptions): Promise<void> {
  if (memory !== "none" && !/^\d{1,5}(\.\d+)?$/.test(memory)) {
    throw new CliError(`"${memory}" is no size in GB.`, EXIT_CODES.usage, "Write it like 128, or none.");
  }
  const output = createOutput(options);
  const body = { compute_class: computeClass, max_gb: memory === "none" ? null : Number(memory) };
  const call = { method: "PUT", pathname: "/hardware-caps", body, answer: hardwareCapSet } as const;
  output.result(await adminCall(await asOperator(options), call));
  output.line(memory === "none" ? `Machines of ${computeClass} wait.` : `Of machines of ${computeClass}, up to ${memory} GB count.`);
}

/** `umbel admin audit`. */
export async function showAudit(options: PublishingOptions & { readonly target?: string; readonly limit: string }): Promise<void> {
  const output = createOutput(options);
  const query = new URLSearchParams({ limit: options.limit, ...(options.target === undefined ? {} : { target: options.target }) });
  const call = { method: "GET", pathname: `/audit?${query}`, answer: auditTable, remedy: "Check --limit." } as const;
  const list = await adminCall(await asOperator(options), call);
  output.result(list);
  output.line(
    list.data.length === 0
      ? "Nothing was changed."
      : table(
          ["TIME", "ACTOR", "ACTION", "TARGET", "AFTER"],
          list.data.map((row) => [row.at, row.actor, row.action, row.target, JSON.stringify(row.after)]),
        ),
  );
}

interface Change {
  readonly method: "POST" | "PUT";
  readonly pathname: string;
  readonly body: unknown;
  readonly answer: typeof userUpdated | typeof roleAnswer | typeof feeAnswer;
  readonly done: string;
}

async function change(options: PublishingOptions, { done, ...call }: Change): Promise<void> {
  const output = createOutput(options);
  output.result(await adminCall(await asOperator(options), { ...call, idempotencyKey: randomUUID(), remedy: SEE_USERS }));
  output.line(done);
}

type State = Pick<(typeof userTable)["_output"]["data"][number], "erased_at" | "frozen_reason" | "merged_into" | "role">;

function stateOf({ erased_at, frozen_reason, merged_into, role }: State): string {
  if (merged_into !== null) return `merged into ${merged_into}`;
  if (erased_at !== null) return `erased ${erased_at}`;
  return frozen_reason === null ? role : `frozen: ${frozen_reason}`;
}
