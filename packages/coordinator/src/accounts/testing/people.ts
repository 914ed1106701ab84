import { randomUUID } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import type { Store } from "../../store/index.js";
import type { AdminRequest } from "../administration/index.js";
import { createAccounts } from "../create-accounts.js";

/** An account of a fresh id. */
export async function person(store: Store, email?: string): Promise<string> {
  const id = `person-${randomUUID()}`;
  const accounts = await createAccounts({ store, clock: createFakeClock() });
  await accounts.ensureAccount(id, "A person");
  await accounts.close();
  if (email !== undefined) await store.client`update users set email = ${email} where account_id = ${id}`;
  return id;
}

/** What an operator asks for, under a key of its own. */
export function asked(idempotencyKey: string = randomUUID()): AdminRequest {
  return { actor: "admin-key", ipHash: "0123", idempotencyKey };
}
