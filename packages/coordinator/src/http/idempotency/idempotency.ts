import { createHmac } from "node:crypto";
import { ApiError } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import type { AnswerSink } from "../answer/sink.js";
import { createRecording, type Recording } from "./recording.js";
import type { IdempotencyStore, KeyRow } from "./store.js";

export const IDEMPOTENCY_LIMITS = {
  key_characters_max: 255,
  /** Answers that are kept for replay, by their text, all together and each. */
  kept_characters_max: 64 * 1024 * 1024,
  answer_characters_max: 8 * 1024 * 1024,
  entries_max: 50_000,
} as const;

const PRINTABLE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const RETRY_AFTER_s = 2;

/** A request that its caller may repeat. */
export interface RepeatableRequest {
  readonly accountId: string;
  /** The header's value. */
  readonly key: string;
  /** What must be equal in a repetition: the path and the body. */
  readonly path: string;
  readonly body: Uint8Array;
  /** Id of this request, should it be the first. */
  readonly requestId: string;
}

export interface Idempotency {
  /**
   * Answers a request once: the first runs, and runs to its end even if its caller leaves; whoever repeats it gets the same answer. A request
   * that came to nothing frees its key.
   *
   * @param produce makes the answer; resolves when all of it is in the sink, with whether it came to something
   * @throws ApiError 400 for a key that is none, 409 while another process runs it or when its answer is no longer kept, 422 for another body
   */
  answer(request: RepeatableRequest, produce: (sink: AnswerSink) => Promise<"answered" | "refused">, reader: AnswerSink): Promise<void>;
  /** Forgets what is older than the window. */
  sweep(): Promise<void>;
}

export interface IdempotencyDependencies {
  readonly store: IdempotencyStore;
  readonly clock: Clock;
  readonly instanceId: string;
  /** Secret of this coordinator: without it a digest tells nothing of a body. */
  readonly secret: Uint8Array;
  readonly window_ms: number;
  readonly onError: (error: unknown) => void;
}

interface Entry {
  readonly bodyDigest: string;
  readonly recording: Recording;
  readonly since_ms: number;
}

/** Source of the statuses: draft-ietf-httpapi-idempotency-key-header §2.6. */
export function createIdempotency({ store, clock, instanceId, secret, window_ms, onError }: IdempotencyDependencies): Idempotency {
  const entries = new Map<string, Entry>();

  function digest(purpose: string, ...parts: readonly (string | Uint8Array)[]): string {
    const mac = createHmac("sha256", secret).update(purpose);
    for (const part of parts) mac.update("\0").update(part);
    return mac.digest("base64url");
  }

  /** Makes the key this request's, unless another one has it. */
  async function claim(row: KeyRow): Promise<void> {
    if (await store.insert(row)) return;
    const standing = await store.find(row.accountId, row.keyDigest);
    if (standing === undefined) return claim(row);
    if (standing.bodyDigest !== row.bodyDigest) throw reused();
    const old_ms = clock.date().getTime() - standing.createdAt.getTime();
    if (old_ms < window_ms) {
      if (standing.state === "ended" || standing.reservation === "settled") throw noLongerKept();
      const isOver = standing.instanceId !== instanceId && (standing.reservation === undefined || standing.reservation === "released");
      if (!isOver) throw running();
    }
    if (!(await store.replace(standing, row))) return claim(row);
  }

  async function run(row: KeyRow, entry: Entry, produce: Parameters<Idempotency["answer"]>[1]): Promise<void> {
    const id = row.keyDigest;
    const { recording } = entry;
    try {
      await claim(row);
    } catch (error) {
      entries.delete(id);
      recording.fail(error instanceof ApiError ? error : unavailable(error));
      return;
    }
    if ((await produced(recording, produce)) === "answered") {
      // It is billed: whatever happens to the row, nothing may make room for another run of it here.
      makeRoom(recording);
      await store.end(row);
      return;
    }
    // Before the row goes, so that a repetition starts anew and does not wait for what will not come.
    entries.delete(id);
    await store.remove(row);
  }

  async function produced(recording: Recording, produce: Parameters<Idempotency["answer"]>[1]): Promise<"answered" | "refused"> {
    try {
      return await produce(recording.sink);
    } catch (error) {
      recording.fail(error);
      onError(error);
      return recording.sink.committed ? "answered" : "refused";
    }
  }

  /** The oldest answers go first. */
  function makeRoom(latest: Recording): void {
    if (latest.size > IDEMPOTENCY_LIMITS.answer_characters_max) latest.forget();
    let kept = 0;
    for (const { recording } of entries.values()) kept += recording.size;
    for (const { recording } of entries.values()) {
      if (kept <= IDEMPOTENCY_LIMITS.kept_characters_max) break;
      kept -= recording.size;
      recording.forget();
    }
  }

  return {
    async answer({ accountId, key, path, body, requestId }, produce, reader) {
      if (key.length > IDEMPOTENCY_LIMITS.key_characters_max || !PRINTABLE.test(key)) throw malformedKey();
      const keyDigest = digest("key", accountId, key);
      const bodyDigest = digest("body", path, body);
      const found = entries.get(keyDigest);
      if (found !== undefined) {
        if (found.bodyDigest !== bodyDigest) throw reused();
        if (!found.recording.kept) throw noLongerKept();
        return found.recording.follow(reader, "replay");
      }
      if (entries.size >= IDEMPOTENCY_LIMITS.entries_max) throw tooMany();
      const entry = { bodyDigest, recording: createRecording(), since_ms: clock.now_ms() };
      entries.set(keyDigest, entry);
      const row: KeyRow = { accountId, keyDigest, bodyDigest, requestId, state: "running", instanceId, createdAt: clock.date() };
      run(row, entry, produce).catch(onError);
      return entry.recording.follow(reader, "first");
    },

    async sweep() {
      const now_ms = clock.now_ms();
      for (const [id, { since_ms }] of entries) if (now_ms - since_ms >= window_ms) entries.delete(id);
      await store.removeOlderThan(new Date(clock.date().getTime() - window_ms));
    },
  };
}

function malformedKey(): ApiError {
  const message = `Idempotency-Key: expected 1 to ${IDEMPOTENCY_LIMITS.key_characters_max} printable ASCII characters`;
  return new ApiError({ status: 400, code: "invalid_request_error", message, param: "Idempotency-Key" });
}

function reused(): ApiError {
  const message = "this Idempotency-Key was used with another request; take a new key for a new request";
  return new ApiError({ status: 422, code: "idempotency_key_reused", type: "invalid_request_error", message });
}

function running(): ApiError {
  const message = "a request with this Idempotency-Key is still running — retry later";
  return new ApiError({ status: 409, code: "idempotency_conflict", type: "invalid_request_error", message, retryAfter_s: RETRY_AFTER_s });
}

function noLongerKept(): ApiError {
  const message = "a request with this Idempotency-Key has been answered and billed, and its answer is no longer kept";
  return new ApiError({ status: 409, code: "idempotency_conflict", type: "invalid_request_error", message });
}

function tooMany(): ApiError {
  const message = "too many idempotent requests are remembered right now — retry later, or without an Idempotency-Key";
  return new ApiError({ status: 503, code: "service_unavailable", message, retryAfter_s: RETRY_AFTER_s });
}

function unavailable(cause: unknown): ApiError {
  const message = "the idempotency key cannot be recorded right now — please retry";
  return new ApiError({ status: 503, code: "service_unavailable", message, retryAfter_s: RETRY_AFTER_s, cause });
}
