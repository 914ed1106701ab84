import { createHash } from "node:crypto";
import { adminRequestRepository, auditRepository, type Store, type Tx } from "../../store/index.js";
import { ADMINISTRATION_LIMITS, AdministrationError, type AdminRequest } from "./types.js";

export interface Change<Answer> {
  /** As the audit names it. */
  readonly action: string;
  /** Everything that was asked for, as JSON: the same key with something else is refused. */
  readonly asked: Readonly<Record<string, string | number | null>>;
  /** Does it as part of `tx`, and tells what became of what. */
  readonly work: (
    tx: Tx,
  ) => Promise<{ readonly answer: Answer; readonly target: string; readonly before: unknown; readonly after: unknown }>;
}

/**
 * Does a change once a key, together with its row of the audit: all in one transaction. A repetition does nothing and hears the first answer.
 *
 * @throws AdministrationError `key_reused`
 */
export async function once<Answer>(
  store: Pick<Store, "transaction">,
  { actor, ipHash, idempotencyKey }: AdminRequest,
  { action, asked, work }: Change<Answer>,
  at: Date,
): Promise<Answer> {
  checkKey(idempotencyKey);
  const digest = createHash("sha256")
    .update(JSON.stringify(Object.entries(asked).sort()))
    .digest("hex");
  return store.transaction(async (tx) => {
    if (!(await adminRequestRepository.claim(tx, { idempotencyKey, action, digest, createdAt: at }))) {
      const first = await adminRequestRepository.byKey(tx, idempotencyKey);
      if (first?.action === action && first.digest === digest) return revived(first.answer) as Answer;
      throw new AdministrationError("key_reused", "this idempotency key was used for something else");
    }
    const { answer, target, before, after } = await work(tx);
    await auditRepository.insert(tx, { at, actor, action, target, before: plain(before), after: plain(after), ipHash: ipHash ?? null });
    await adminRequestRepository.complete(tx, idempotencyKey, kept(answer));
    return answer;
  });
}

function checkKey(key: string): void {
  const { keyCharacters_max } = ADMINISTRATION_LIMITS;
  if (key.length <= keyCharacters_max && /^[\x21-\x7e]+$/.test(key)) return;
  throw new AdministrationError("invalid", `an idempotency key is 1 to ${keyCharacters_max} characters without blanks`);
}

/** As JSON numbers, for whoever reads the audit. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null, (_key, item: unknown) => (typeof item === "bigint" ? Number(item) : item)));
}

/** As JSON that keeps amounts apart from texts. */
function kept(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null, (_key, item: unknown) => (typeof item === "bigint" ? { bigint: `${item}` } : item)));
}

function revived(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, item: unknown) => {
    const isAmount = typeof item === "object" && item !== null && "bigint" in item;
    return isAmount ? BigInt(String(item.bigint)) : item;
  });
}
