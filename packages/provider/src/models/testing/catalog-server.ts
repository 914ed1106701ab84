import { createHash } from "node:crypto";
import {
  type CatalogAlias,
  type CatalogEntry,
  createManifest,
  type DeviceKeyPair,
  deviceThumbprint,
  generateDeviceKey,
  type ManifestFile,
  manifestFileRole,
  signManifest,
  type WithdrawnVersion,
} from "@umbel/protocol";
import { type RangeServer, startRangeServer } from "./range-server.js";

interface PublishedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A coordinator's catalogue and the files behind it, on this machine. */
export interface CatalogServer extends RangeServer {
  readonly key: DeviceKeyPair;
  publish(build: {
    id: string;
    version: string;
    files: readonly PublishedFile[];
    signedBy?: DeviceKeyPair;
    entry?: Partial<CatalogEntry>;
  }): Promise<CatalogEntry>;
  withdraw(entry: CatalogEntry): void;
  alias(alias: Pick<CatalogAlias, "id" | "desired_build">): void;
}

export async function startCatalogServer(): Promise<CatalogServer> {
  const server = await startRangeServer();
  const key = await generateDeviceKey();
  const models: CatalogEntry[] = [];
  const aliases: CatalogAlias[] = [];
  const withdrawn: WithdrawnVersion[] = [];
  const serveJson = (path: string, value: unknown): void => {
    server.files.set(path, {
      bytes: Buffer.from(JSON.stringify(value)),
      ignoresRanges: true,
      headers: { "content-type": "application/json" },
    });
  };
  const serveCatalog = (): void =>
    serveJson("/v1/models/catalog?include_aliases=1", { revision: models.length, models, aliases, withdrawn });
  serveJson("/v1/catalog/keys", { keys: [{ kid: await deviceThumbprint(key.publicJwk), jwk: key.publicJwk }] });
  serveCatalog();
  return {
    ...server,
    key,
    async publish({ id, version, files, signedBy = key, entry = {} }) {
      const described = files.map(
        ({ path, bytes }): ManifestFile => ({
          path,
          size_bytes: bytes.length,
          sha256: createHash("sha256").update(bytes).digest("hex"),
          role: manifestFileRole(path) ?? "other",
        }),
      );
      const manifest = createManifest({ modelId: id, version, files: described, createdAt: new Date(0) });
      for (const { path, bytes } of files) server.files.set(`/files/${manifest.prefix}/${path}`, { bytes, etag: `"${version}"` });
      const signature = await signManifest(signedBy, manifest, new Date(0));
      serveJson(`/v1/models/catalog/manifest/${id}`, { ...manifest, signature, origins: ["/files"] });
      const full: CatalogEntry = {
        ...{ id, version, display_name: id, model_type: "text", family: "oak", architecture: "llama", quantization: "Q8_0" },
        ...{ description: "", license: "apache-2.0", capabilities: ["chat"], max_context_length: 4096, max_output_length: 1024 },
        ...{ weight_hash: manifest.aggregate_sha256, prefix: manifest.prefix, total_size_bytes: manifest.total_size_bytes },
        ...{ size_gb: manifest.total_size_bytes / 1e9, file_count: files.length, kv_bytes_per_token: 256, min_ram_gb: 3 },
        ...{ status: "active", deprecation_date: null, input_price: 1, output_price: 1, created: 0, ...entry },
      };
      const former = models.findIndex((model) => model.id === id);
      if (former >= 0) models.splice(former, 1);
      models.push(full);
      serveCatalog();
      return full;
    },
    withdraw({ id, version, weight_hash }) {
      withdrawn.push({ model_id: id, version, weight_hash, reason: "test", withdrawn_at: new Date(0).toISOString() });
      serveCatalog();
    },
    alias({ id, desired_build }) {
      aliases.push({
        ...{ id, display_name: id, desired_build, previous_build: null, retired_builds: [] },
        ...{ primary_build: desired_build, desired_share: 100 },
      });
      serveCatalog();
    },
  };
}
