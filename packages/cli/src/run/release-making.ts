import { writeFile } from "node:fs/promises";
import path from "node:path";
import { generateDeviceKey } from "@umbel/protocol";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import { packRelease } from "../releases/pack-release.js";
import { namedKeys, readPrivateKey, readReleaseKeys, writeReleaseKeys } from "../releases/release-keys.js";
import { PLATFORM } from "../update/layout.js";

/** `umbel admin releases key`: a key that makes releases. It belongs on no machine that faces the network. */
export async function makeReleaseKey(file: string, options: { readonly json?: boolean }): Promise<void> {
  const output = createOutput(options);
  const key = await generateDeviceKey();
  const publicFile = `${file}.pub.json`;
  await writeFile(file, await key.exportPkcs8(), { mode: 0o600, flag: "wx" }).catch((cause: unknown) => {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
    throw new CliError(`${file} is there already.`, EXIT_CODES.usage, "Name another file: a key that made releases is needed again.", {
      cause,
    });
  });
  await writeReleaseKeys(publicFile, [key.publicJwk]);
  const [kid] = (await namedKeys([key.publicJwk])).keys.map((named) => named.kid);
  output.result({ private_key: file, public_key: publicFile, kid });
  output.line(`Private key: ${file}. Keep it offline; whoever has it decides what machines run.`);
  output.line(
    `Public key: ${publicFile} (${kid}). Installations pin it: umbel provider update --into <directory> --release-key ${publicFile}`,
  );
}

export interface PackOptions {
  readonly key: string;
  readonly out: string;
  readonly platform?: string;
  readonly channel: string;
  readonly nextKey?: readonly string[];
  readonly json?: boolean;
}

/** `umbel admin releases pack`: the archive of a release and, beside it, what is registered. Asks nobody. */
export async function packReleaseCommand(directory: string, options: PackOptions): Promise<void> {
  const output = createOutput(options);
  const { platform = PLATFORM, channel } = options;
  if (channel !== "stable" && channel !== "beta") {
    throw new CliError(`There is no channel "${channel}".`, EXIT_CODES.usage, "Use stable or beta.");
  }
  const nextKeys = (await Promise.all((options.nextKey ?? []).map(readReleaseKeys))).flat();
  const key = await readPrivateKey(options.key);
  output.note("Packing and hashing …");
  const archive = path.resolve(options.out);
  const packed = await packRelease(path.resolve(directory), { archive, platform, channel, key, nextKeys, at: new Date() });
  const record = `${archive}.release.json`;
  await writeFile(record, `${JSON.stringify(packed, undefined, 2)}\n`);
  output.result({ ...packed, archive, record });
  output.line(`${packed.version} for ${platform}: ${archive}, ${packed.bundle_hash}`);
  output.line(`Put the archive on a web server, then: umbel admin releases register ${record} --url https://…/${path.basename(archive)}`);
}
