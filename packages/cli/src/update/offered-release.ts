import { readFile } from "node:fs/promises";
import {
  type DeviceKey,
  isFileAddress,
  type ReleaseClaims,
  type ReleaseRecord,
  releaseRecord,
  SignatureError,
  verifyRelease,
} from "@umbel/protocol";
import { callCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { PLATFORM } from "./layout.js";

interface Asked {
  readonly channel: string;
  /** Of a machine whose turn it may be; without it only what everybody is offered. */
  readonly device?: string | undefined;
  /** This very one, whoever's turn it is. */
  readonly version?: string | undefined;
  readonly timeout_ms?: number;
}

/** The release that a coordinator offers this machine; undefined when it offers none. @throws CliError */
export async function offeredRelease(coordinator: string, asked: Asked): Promise<ReleaseRecord | undefined> {
  const { channel, device, version, timeout_ms } = asked;
  const query = new URLSearchParams({ platform: PLATFORM, ...(version === undefined && { channel, ...(device && { device }) }) });
  const path = `/v1/releases/${encodeURIComponent(version ?? "latest")}?${query}`;
  const reply = await callCoordinator(coordinator, { method: "GET", path, ...(timeout_ms !== undefined && { timeout_ms }) });
  if (reply.status === 404) return undefined;
  if (reply.status !== 200) throw new CliError(`The coordinator refused: ${reply.message}.`, EXIT_CODES.failure, "Try again later.");
  const offered = releaseRecord.safeParse(reply.body);
  if (offered.success && isFileAddress(offered.data.url)) return offered.data;
  throw new CliError(`What ${coordinator} offers is no release.`, EXIT_CODES.verification, "Tell the coordinator's operator.");
}

/** A release as a file has it, which whoever installs it has got from a coordinator. @throws CliError (verification) */
export async function recordedRelease(file: string): Promise<ReleaseRecord> {
  const record = releaseRecord.safeParse(JSON.parse(await readFile(file, "utf8")));
  if (record.success) return record.data;
  throw new CliError(`${file} is no release.`, EXIT_CODES.verification, "It is what GET /v1/releases/latest answers.");
}

/** What of a release was signed by a pinned key. @throws CliError (verification) */
export async function signedRelease(keys: readonly DeviceKey[], record: ReleaseRecord): Promise<ReleaseClaims> {
  try {
    const claims = await verifyRelease(keys, record);
    if (claims.platform === PLATFORM) return claims;
    throw new SignatureError("claims");
  } catch (cause) {
    if (!(cause instanceof SignatureError)) throw cause;
    const why =
      cause.code === "signature"
        ? "is not signed by a key that this installation takes"
        : `has a signature that does not fit it (${cause.code})`;
    throw new CliError(
      `Release ${record.version} ${why}; nothing was fetched.`,
      EXIT_CODES.verification,
      "Tell the coordinator's operator. If the key was replaced, get the new one by a way that you trust and install anew with --into and --release-key.",
      { cause },
    );
  }
}
