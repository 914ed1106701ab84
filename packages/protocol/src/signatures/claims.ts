import { z } from "zod";
import { WIRE_LIMITS } from "../limits.js";
import { base64Bytes, count, deviceKey, finishReason, requestId, sha256Hex, shortText, timestamp, usage } from "../messages/common.js";

/** What a provider says of itself when it registers. Self-reported: it raises no trust level by itself. */
export const registrationClaims = z.object({
  /** Raw X25519 public key of the worker; equals `register.encryption_key`. */
  encryption_key: base64Bytes(32),
  version: shortText,
  backend: shortText,
  /** Build id to the aggregate hash of its files. */
  weight_hashes: z
    .record(shortText, sha256Hex)
    .refine((hashes) => Object.keys(hashes).length <= WIRE_LIMITS.advertisedModels_max, { error: "too many builds" }),
  /** As in `register`. */
  runtime_hash: sha256Hex.optional(),
  /** How the worker is confined. A kind that this version does not know counts as the weakest. */
  sandbox: z.object({
    network: z.enum(["namespace", "guarded", "none"]).catch("none"),
    filesystem: z.enum(["permission-model", "none"]).catch("none"),
    coreDumps: z.enum(["disabled", "unknown"]).catch("unknown"),
  }),
  issued_at: timestamp,
});
export type RegistrationClaims = z.infer<typeof registrationClaims>;

/** Proof that the machine still holds its device key, bound to one session and one encryption key. */
export const challengeClaims = z.object({
  /** The challenge's 32 bytes, echoed. */
  nonce: base64Bytes(32),
  /** The challenge's time, echoed. */
  timestamp,
  session_id: shortText,
  encryption_key_thumbprint: sha256Hex,
  /** Grows with every answer of one process. */
  counter: count,
});
export type ChallengeClaims = z.infer<typeof challengeClaims>;

/** That the bearer may act for an account, on the word of the coordinator that issues it and accepts it. */
export const sessionClaims = z.object({
  account_id: shortText,
  issued_at: timestamp,
  expires_at: timestamp,
});
export type SessionClaims = z.infer<typeof sessionClaims>;

/** That the bearer of the catalogue's key stands for exactly these files (catalog.md §2.2). */
export const manifestClaims = z.object({
  model_id: shortText,
  version: shortText,
  aggregate_sha256: sha256Hex,
  /** Of the manifest's canonical JSON. */
  manifest_sha256: sha256Hex,
  signed_at: timestamp,
});
export type ManifestClaims = z.infer<typeof manifestClaims>;

/** That the bearer of the key that makes releases stands for exactly this archive (catalog.md §20). */
export const releaseClaims = z.object({
  version: shortText,
  platform: shortText,
  channel: shortText,
  /** Of the archive. */
  bundle_sha256: sha256Hex,
  bundle_bytes: count,
  /** `aggregateHash` over the files in it. */
  files_sha256: sha256Hex,
  file_count: count,
  /** Of all files together. */
  unpacked_bytes: count,
  /** Whether a Node to run it on is among the files. */
  brings_node: z.boolean().default(false),
  /** Who may sign releases from this one on; empty leaves it as it is. */
  next_keys: z.array(deviceKey).max(WIRE_LIMITS.catalogKeys_max),
  signed_at: timestamp,
});
export type ReleaseClaims = z.infer<typeof releaseClaims>;

/** What a provider claims to have done for one request, and is paid for (trust.md §17.4). */
export const usageReceipt = z.object({
  request_id: requestId,
  build_id: shortText,
  weight_hash: sha256Hex,
  usage,
  finish_reason: finishReason,
  /** Chunk frames sent, the final one included. */
  chunks: count,
  /** SHA-256 of the sealed request body. */
  request_digest: sha256Hex,
  /** `createDigestChain` over the sealed chunks. */
  response_digest: sha256Hex,
  started_at: timestamp,
  finished_at: timestamp,
});
export type UsageReceipt = z.infer<typeof usageReceipt>;
