import { readFile } from "node:fs/promises";
import { releaseRecord } from "@umbel/protocol";
import { z } from "zod";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, table } from "../output.js";
import { adminCall, adminRows, type PublishingOptions } from "../publishing/admin-call.js";
import { type PackedRelease, packedRelease } from "../releases/packed-release.js";
import { PLATFORM } from "../update/layout.js";
import { wholeNumber } from "./models-publish.js";

const releaseRegistered = z.object({ release: releaseRecord });
const releaseTable = z.object({ data: z.array(releaseRecord), next: z.string().nullable() });
const releaseWithdrawn = z.object({ status: z.literal("release_withdrawn"), version: z.string(), platform: z.string() });
const SEE = "See them with: umbel admin releases list";

export interface RegisterOptions extends PublishingOptions {
  readonly url: string;
  readonly changelog?: string;
  readonly rollout?: string;
}

/** `umbel admin releases register`: offers a release to machines. */
export async function registerRelease(record: string, options: RegisterOptions): Promise<void> {
  const output = createOutput(options);
  const packed = await readPacked(record);
  const changelog = options.changelog === undefined ? "" : await readFile(options.changelog, "utf8");
  const rollout = wholeNumber(options.rollout) ?? 100;
  const changed = await adminCall(options, {
    ...{ method: "POST", pathname: "/releases", isPublic: true, body: { ...packed, url: options.url, changelog, rollout } },
    answer: releaseRegistered,
    remedy: "The coordinator fetches the archive and hashes it: check --url, and that it is the archive that was packed.",
  });
  output.result(changed.release);
  output.line(`${packed.version} for ${packed.platform} is offered to ${rollout} % of machines.`);
}

async function readPacked(file: string): Promise<PackedRelease> {
  try {
    return packedRelease.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (cause) {
    const remedy = "It is what umbel admin releases pack has written beside the archive: <archive>.release.json.";
    throw new CliError(`${file} describes no release.`, EXIT_CODES.usage, remedy, { cause });
  }
}

/** `umbel admin releases list`. */
export async function listReleases(options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const rows = await adminRows(options, { pathname: "/releases", answer: releaseTable });
  const data = [...rows].sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  const list = { object: "list", data };
  output.result(list);
  output.line(
    list.data.length === 0
      ? "There are no releases. Make one with: umbel admin releases pack"
      : table(
          ["VERSION", "PLATFORM", "CHANNEL", "OFFERED TO", "SIGNED", "SINCE"],
          list.data.map((release) => [
            ...[release.version, release.platform, release.channel],
            release.active ? `${release.rollout} %` : "nobody (withdrawn)",
            ...[release.signature === null ? "no" : "yes", release.created_at],
          ]),
        ),
  );
}

/** `umbel admin releases withdraw`: it is offered no more, from that moment on. */
export async function withdrawRelease(
  version: string,
  options: PublishingOptions & { readonly platform?: string; readonly force?: boolean },
): Promise<void> {
  const output = createOutput(options);
  const body = { version, platform: options.platform ?? PLATFORM, ...(options.force === true && { force: true }) };
  output.result(await adminCall(options, { method: "DELETE", pathname: "/releases", body, answer: releaseWithdrawn, remedy: SEE }));
  output.line(`${version} for ${body.platform} is offered no more. Machines that run it go on.`);
}
