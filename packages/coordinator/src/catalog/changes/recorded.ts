import { auditRepository, type Tx } from "../../store/index.js";

/** Whose change it is, and when. */
export interface By {
  /** `admin-key`, an account, or `coordinator` for what it does by itself. */
  readonly actor: string;
  readonly at: Date;
}

/** Keeps a change in the transaction that makes it, so that neither is there without the other. */
export async function recorded(
  tx: Tx,
  { actor, at }: By,
  change: { readonly action: string; readonly target: string; readonly before?: unknown; readonly after?: unknown },
): Promise<void> {
  const { action, target, before = null, after = null } = change;
  await auditRepository.insert(tx, { at, actor, action, target, before: asJson(before), after: asJson(after) });
}

/** Prices are big integers, which JSON does not have; all are small enough for a number. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, item) => (typeof item === "bigint" ? Number(item) : item)));
}
