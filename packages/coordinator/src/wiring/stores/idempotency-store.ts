import type { IdempotencyStore } from "../../http/index.js";
import { idempotencyRepository, type Store } from "../../store/index.js";

/** Digests of idempotency keys in the database. */
export function createIdempotencyStore({ db }: Pick<Store, "db">): IdempotencyStore {
  return {
    insert: (row) => idempotencyRepository.insert(db, row),
    find: (accountId, keyDigest) => idempotencyRepository.find(db, accountId, keyDigest),
    replace: (standing, row) => idempotencyRepository.replace(db, standing, row),
    end: (row) => idempotencyRepository.end(db, row),
    remove: (row) => idempotencyRepository.remove(db, row),
    removeOlderThan: (at) => idempotencyRepository.removeOlderThan(db, at),
  };
}
