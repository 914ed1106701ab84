import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Clock, generateDeviceKey } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { holdModels } from "./disk/in-use.js";
import { storeLayout } from "./disk/store-layout.js";
import { smallLlama, text, writeGguf } from "./gguf/testing/index.js";
import { createModelLibrary, type FetchModelOptions, type LibraryOptions, type ModelLibrary } from "./model-library.js";
import { inspectOnHub } from "./sources/inspect-on-hub.js";
import { parseModelReference } from "./sources/model-reference.js";
import { type CatalogServer, startCatalogServer } from "./testing/catalog-server.js";
import { startRangeServer } from "./testing/range-server.js";
import { verifyModel } from "./verify-model.js";

let home: string;
let server: CatalogServer;
const { signal } = new AbortController();
let minute = 0;
/** Every look at it is a minute later; waits are real. */
const clock: Clock = { ...systemClock, date: () => new Date(Date.UTC(2026, 0, 1, 0, minute++)) };

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-library-"));
  server = await startCatalogServer();
});
afterEach(async () => {
  await server.close();
  await rm(home, { recursive: true });
});

const gguf = (name: string, size_bytes = 50_000) =>
  writeGguf({ metadata: { ...smallLlama, "general.name": text(name) }, data_bytes: size_bytes });
const open = (changes: Partial<LibraryOptions> = {}): ModelLibrary =>
  createModelLibrary({ home, coordinatorUrl: server.url, clock, huggingFaceUrl: server.url, ...changes });
const owner = (changes: Partial<FetchModelOptions> = {}): FetchModelOptions => ({ signal, mode: "owner", ...changes });
const publish = (id: string, version = "1", bytes = gguf(id)) => server.publish({ id, version, files: [{ path: "m.gguf", bytes }] });
const ids = async (library: ModelLibrary) => (await library.store.listModels()).map(({ info }) => info.id);
const failure = (name: string, code: string) => expect.objectContaining({ name, code });

describe("the catalogue as a source", () => {
  it("gives a model by its name or its build, verified and published whole", async () => {
    await publish("oak-7b-q8_0");
    server.alias({ id: "oak", desired_build: "oak-7b-q8_0" });
    const library = open();
    const model = await library.fetchModel("oak", owner());
    expect(model).toMatchObject({
      info: { id: "oak-7b-q8_0", context_length: 4096, quantization: "Q8_0", capabilities: ["chat"] },
      origin: { kind: "catalog", coordinator: server.url },
      isPinned: true,
      isStored: true,
    });
    expect(await (await verifyModel(model.manifest, model.directory)).stillHolds()).toBe(true);
    expect((await readdir(model.directory)).sort()).toEqual(["m.gguf", "manifest.json", "record.json"]);
    expect(await readdir(storeLayout({ home }).staging)).toEqual([]);
    const before = server.requests.length;
    expect(await library.fetchModel("oak-7b-q8_0", owner())).toEqual(model);
    expect(server.requests.slice(before).some(({ path: asked }) => asked.startsWith("/files/"))).toBe(false);
  });

  it("is read to its last page", async () => {
    const [oak, elm] = [await publish("oak"), await publish("elm")];
    const serve = (query: string, list: object) =>
      server.files.set(`/v1/models/catalog?include_aliases=1${query}`, {
        bytes: Buffer.from(JSON.stringify({ revision: 1, withdrawn: [], aliases: [], ...list })),
        ignoresRanges: true,
      });
    serve("", { models: [elm], next: "elm" });
    serve("&after=elm", { models: [oak], next: null });
    expect((await open().catalog(signal)).models.map(({ id }) => id)).toEqual(["elm", "oak"]);
  });

  it("has its files fetched from a mirror first, and from its own places where that has none", async () => {
    const { prefix } = await publish("oak");
    const mirror = await startRangeServer();
    try {
      const own = server.files.get(`/files/${prefix}/m.gguf`);
      if (own === undefined) throw new Error("the file is not where it should be");
      mirror.files.set(`/near/${prefix}/m.gguf`, own);
      await publish("elm");
      const library = open({ mirror: `${mirror.url}/near/` });
      for (const id of ["oak", "elm"]) expect((await library.fetchModel(id, owner())).info.id).toBe(id);
      const fromOwn = server.requests.filter(({ path: asked }) => asked.startsWith("/files/")).map(({ path: asked }) => asked);
      expect(fromOwn.every((asked) => asked.includes("elm"))).toBe(true);
      expect(fromOwn).not.toEqual([]);
    } finally {
      await mirror.close();
    }
  });

  it("is asked at the address that the provider connects to", async () => {
    await publish("oak");
    expect((await open({ coordinatorUrl: server.url.replace("http", "ws") }).catalog(signal)).models.map(({ id }) => id)).toEqual(["oak"]);
  });

  it("serves two at once with one set of bytes", async () => {
    const { total_size_bytes } = await publish("oak");
    let waited = 0;
    const both = await Promise.all([1, 2].map(() => open({ clock: systemClock }).fetchModel("oak", owner({ onWait: () => waited++ }))));
    expect(both[0]).toEqual(both[1]);
    expect(waited).toBe(1);
    const sent = server.requests
      .filter(({ path: asked }) => asked.startsWith("/files/"))
      .reduce((sum, { sent_bytes }) => sum + sent_bytes, 0);
    expect(sent).toBe(total_size_bytes);
  });

  it("is not believed when another key than the pinned one signs", async () => {
    await publish("oak");
    await open().fetchModel("oak", owner());
    const other = await generateDeviceKey();
    await server.publish({ id: "elm", version: "1", files: [{ path: "m.gguf", bytes: gguf("elm") }], signedBy: other });
    server.files.set("/v1/catalog/keys", {
      bytes: Buffer.from(JSON.stringify({ keys: [{ kid: "x", jwk: other.publicJwk }] })),
      ignoresRanges: true,
    });
    await expect(open().fetchModel("elm", owner())).rejects.toEqual(failure("SourceError", "signature_refused"));
    await expect(open({ catalogKey: "named-by-the-owner" }).fetchModel("oak", owner())).rejects.toEqual(
      failure("SourceError", "signature_refused"),
    );
    await writeFile(path.join(home, "catalog-keys.json"), "{");
    await expect(open().fetchModel("oak", owner())).rejects.toEqual(failure("SourceError", "signature_refused"));
  });

  it("is not believed when it names other contents than the manifest", async () => {
    await server.publish({
      id: "oak",
      version: "1",
      files: [{ path: "m.gguf", bytes: gguf("oak") }],
      entry: { weight_hash: "0".repeat(64) },
    });
    await expect(open().fetchModel("oak", owner())).rejects.toEqual(failure("SourceError", "contradiction"));
  });

  it("gives nothing that it does not have or has withdrawn", async () => {
    server.withdraw(await publish("oak"));
    await expect(open().fetchModel("oak", owner())).rejects.toEqual(failure("SourceError", "withdrawn"));
    await expect(open().fetchModel("elm", owner())).rejects.toEqual(failure("SourceError", "not_in_catalog"));
    await server.close();
    await expect(open().fetchModel("oak", owner())).rejects.toEqual(failure("SourceError", "unreachable"));
  });

  it("may publish what is no model, which is then not taken in", async () => {
    await publish("oak", "1", Buffer.from("not a model"));
    await expect(open().fetchModel("oak", owner())).rejects.toEqual(failure("ModelError", "gguf_invalid"));
    expect(await ids(open())).toEqual([]);
    expect(await readdir(storeLayout({ home }).staging)).toEqual([]);
  });
});

describe("a Hugging Face repository as a source", () => {
  const commit = "a".repeat(40);
  const serve = (path_: string, value: unknown, headers = {}) =>
    server.files.set(path_, { bytes: Buffer.from(JSON.stringify(value)), ignoresRanges: true, headers });
  const tree = `/api/models/oak/oak-GGUF/tree/${commit}?recursive=true`;
  const lfs = (name: string, bytes: Uint8Array) => ({
    ...{ type: "file", path: name, size: bytes.length },
    lfs: { oid: createHash("sha256").update(bytes).digest("hex"), size: bytes.length },
  });
  const q8 = gguf("q8");
  const parts = [1, 2].map((part) => ({ name: `big/Oak-F16-0000${part}-of-00002.gguf`, bytes: gguf(`part ${part}`) }));

  beforeEach(() => {
    serve("/api/models/oak/oak-GGUF/revision/main", { sha: commit });
    const second = [
      { type: "directory", path: "big", size: 0 },
      ...parts.map(({ name, bytes }) => lfs(name, bytes)),
      lfs("mmproj-f16.gguf", q8),
    ];
    serve(tree, [{ type: "file", path: "README.md", size: 5 }, lfs("Oak-7B.Q8_0.gguf", q8)], {
      link: `<${server.url}${tree}&cursor=2>; rel="next"`,
    });
    serve(`${tree}&cursor=2`, second);
    // The hub sends its large files from somewhere else.
    server.files.set(`/oak/oak-GGUF/resolve/${commit}/Oak-7B.Q8_0.gguf`, { bytes: q8, redirectTo: "/elsewhere/q8" });
    server.files.set("/elsewhere/q8", { bytes: q8, etag: '"q8"' });
    for (const { name, bytes } of parts) server.files.set(`/oak/oak-GGUF/resolve/${commit}/${name}`, { bytes, etag: '"p"' });
  });

  it.each(["hf:oak/oak-GGUF:Oak-7B.Q8_0.gguf", "hf:oak/oak-GGUF/Oak-7B.Q8_0.gguf", "hf:oak/oak-GGUF@main:q8_0"])(
    "gives %s",
    async (reference) => {
      const model = await open({ huggingFaceToken: "hf_secret" }).fetchModel(reference, owner());
      expect(model).toMatchObject({
        info: { id: "oak-7b.q8_0", context_length: 4096, capabilities: ["chat", "tools", "json"] },
        origin: { kind: "hugging_face", repository: "oak/oak-GGUF", revision: commit },
      });
      expect(model.manifest.version).toMatch(/^sha256-[0-9a-f]{16}$/);
      expect(server.requests.find(({ path: asked }) => asked.includes("/resolve/"))?.headers.authorization).toBe("Bearer hf_secret");
    },
  );

  it("gives all parts of a split model", async () => {
    const model = await open().fetchModel("hf:oak/oak-GGUF:f16", owner({ id: "mine" }));
    expect(model.manifest.files.map(({ path: name }) => name)).toEqual(["Oak-F16-00001-of-00002.gguf", "Oak-F16-00002-of-00002.gguf"]);
    expect(model.info.id).toBe("mine");
  });

  it("asks which of several models is meant, and knows what it does not have", async () => {
    await expect(open().fetchModel("hf:oak/oak-GGUF", owner())).rejects.toMatchObject({
      code: "ambiguous",
      choices: ["Oak-7B.Q8_0.gguf", "big/Oak-F16-00001-of-00002.gguf"],
    });
    await expect(open().fetchModel("hf:oak/oak-GGUF:q2_k", owner())).rejects.toEqual(failure("SourceError", "not_found"));
    await expect(open().fetchModel("hf:oak/elm-GGUF", owner())).rejects.toEqual(failure("SourceError", "not_found"));
  });

  it("is described from its headers alone, with the hashes that the hub states", async () => {
    const look = (file: string) =>
      inspectOnHub(`hf:oak/oak-GGUF:${file}`, { fetch, baseUrl: server.url, token: "hf_secret", signal: new AbortController().signal });
    const large = writeGguf({ metadata: smallLlama, data_bytes: 6 * 1024 * 1024 });
    server.files.set("/elsewhere/q8", { bytes: large });
    serve(tree, [lfs("Oak-7B.Q8_0.gguf", large), { type: "file", path: "tiny.gguf", size: q8.length }]);
    const url = `${server.url}/oak/oak-GGUF/resolve/${commit}/Oak-7B.Q8_0.gguf`;
    expect(await look("q8_0")).toMatchObject({
      ...{ id: "oak-7b.q8_0", repository: "oak/oak-GGUF", commit, found: { quantization: "Q8_0", contextLength_tokens: 4096 } },
      files: [{ path: "Oak-7B.Q8_0.gguf", size_bytes: large.length, sha256: createHash("sha256").update(large).digest("hex"), url }],
    });
    const sent = server.requests.filter(({ path: asked }) => asked === "/elsewhere/q8").map(({ sent_bytes }) => sent_bytes);
    expect(sent).toEqual([2 * 1024 * 1024]);
    // Of what is too small for a hash of the hub's, it is taken here.
    server.files.set(`/oak/oak-GGUF/resolve/${commit}/tiny.gguf`, { bytes: q8 });
    expect((await look("tiny")).files).toMatchObject([{ sha256: createHash("sha256").update(q8).digest("hex") }]);
    server.files.set("/elsewhere/q8", { bytes: large, ignoresRanges: true });
    await expect(look("q8_0")).rejects.toEqual(failure("GgufError", "unreadable"));
    await expect(look("nothing")).rejects.toEqual(failure("SourceError", "not_found"));
  });

  it("whose file is not what the hub says gives nothing", async () => {
    server.files.set("/elsewhere/q8", { bytes: Buffer.alloc(q8.length, 7), etag: '"q8"' });
    await expect(open().fetchModel("hf:oak/oak-GGUF:q8_0", owner())).rejects.toEqual(failure("DownloadError", "hash_mismatch"));
  });
});

describe("other sources", () => {
  it("an address gives its file, held to a hash if one is given", async () => {
    const bytes = gguf("elm");
    server.files.set("/some/Elm 1B.gguf", { bytes, etag: '"e"' });
    const url = `${server.url}/some/Elm%201B.gguf?key=secret`;
    server.files.set("/some/Elm 1B.gguf?key=secret", { bytes, etag: '"e"' });
    const model = await open().fetchModel(url, owner());
    expect(model).toMatchObject({ info: { id: "elm-1b" }, origin: { kind: "url", url: `${server.url}/some/Elm%201B.gguf` } });
    await expect(open().fetchModel(url, owner({ id: "other", sha256: "0".repeat(64) }))).rejects.toEqual(
      failure("DownloadError", "hash_mismatch"),
    );
    await expect(open().fetchModel(`${server.url}/some/none.gguf`, owner())).rejects.toEqual(failure("SourceError", "not_found"));
    await expect(open().fetchModel(`${server.url}/some/readme.txt`, owner())).rejects.toEqual(failure("SourceError", "bad_reference"));
  });

  it("a file of this machine is taken in where it lies", async () => {
    const file = path.join(home, "Elm-1B.Q8_0.gguf");
    await writeFile(file, gguf("elm"));
    const library = open();
    const model = await library.fetchModel(file, owner());
    expect(model).toMatchObject({ info: { id: "elm-1b.q8_0" }, directory: home, isStored: false, origin: { kind: "folder" } });
    expect(await library.store.removeModel("elm-1b.q8_0")).toBe(0);
    expect((await stat(file)).size).toBeGreaterThan(0);
    await writeFile(file, "nothing");
    await expect(library.fetchModel(file, owner())).rejects.toEqual(failure("ModelError", "gguf_invalid"));
    await expect(library.fetchModel(path.join(home, "none.gguf"), owner())).rejects.toEqual(failure("ModelError", "file_missing"));
  });

  it.each<[string, object]>([
    ["oak-7b", { kind: "catalog", name: "oak-7b" }],
    ["hf:a/b@v1.0", { kind: "hugging_face", repository: "a/b", revision: "v1.0", file: undefined }],
    ["hf:a/b@v1/sub/c.gguf", { kind: "hugging_face", repository: "a/b", revision: "v1", file: "sub/c.gguf" }],
    ["hf:a/b:sub/c.gguf", { kind: "hugging_face", repository: "a/b", revision: "main", file: "sub/c.gguf" }],
    ["https://x.example/c.gguf", { kind: "url", url: "https://x.example/c.gguf" }],
    ["./models/c", { kind: "file", path: "./models/c" }],
    ["C:\\models\\c.gguf", { kind: "file", path: "C:\\models\\c.gguf" }],
  ])("%s is read as %j", (reference, expected) => expect(parseModelReference(reference)).toEqual(expected));

  it.each(["", "hf:", "hf:a", "hf:a/b/c", "hf:a/b:", "hf:../b", "two words", "ftp://x/y"])("%j names no model", (reference) => {
    expect(() => parseModelReference(reference)).toThrow(expect.objectContaining({ code: "bad_reference" }));
  });
});

describe("the disk", () => {
  const background = (changes: Partial<FetchModelOptions> = {}): FetchModelOptions => ({ signal, mode: "background", ...changes });

  it("has room made by what was used longest ago, never by what is kept, pinned, or of another place", async () => {
    const size = (await Promise.all(["pinned", "old", "older-but-kept", "used", "new"].map((id) => publish(id))))[0]?.total_size_bytes ?? 0;
    const library = open({ disk_bytes_max: size * 4.5 });
    await library.fetchModel("pinned", owner());
    for (const id of ["older-but-kept", "used", "old"]) await library.fetchModel(id, background());
    for (const id of ["older-but-kept", "old", "used"]) await library.store.touch([id, "not-here"]);
    await library.fetchModel("new", background({ keep: new Set(["older-but-kept"]) }));
    expect(await ids(library)).toEqual(["new", "older-but-kept", "pinned", "used"]);
    const all = new Set(await ids(library));
    await expect(library.fetchModel("old", background({ keep: all }))).rejects.toEqual(failure("DownloadError", "no_space"));
    expect(await ids(library)).toHaveLength(4);
  });

  it("keeps a model that a running provider holds", async () => {
    await publish("oak");
    const library = open();
    await library.fetchModel("oak", owner());
    await holdModels(storeLayout({ home }), ["oak"]);
    await expect(library.store.removeModel("oak")).rejects.toEqual(failure("ModelError", "in_use"));
    await holdModels(storeLayout({ home }), []);
    expect(await library.store.removeModel("oak")).toBeGreaterThan(50_000);
    await expect(library.store.removeModel("oak")).rejects.toEqual(failure("ModelError", "not_here"));
    expect(await readdir(storeLayout({ home }).root)).not.toContain(".removed");
  });

  it("has the latest version of a build in the list, and all of them when removed", async () => {
    await publish("oak", "1");
    const library = open();
    await library.fetchModel("oak", owner());
    await publish("oak", "2", gguf("better"));
    await library.fetchModel("oak", owner());
    expect((await library.store.listModels()).map(({ manifest }) => manifest.version)).toEqual(["2"]);
    expect(await library.store.listVersions()).toHaveLength(2);
    await library.store.removeModel("oak");
    expect(await library.store.listVersions()).toEqual([]);
  });

  it("is not confused by what a dead process left", async () => {
    const entry = await publish("oak");
    const { staging } = storeLayout({ home });
    const folder = path.join(staging, entry.prefix.replaceAll("/", "__"));
    await mkdir(folder, { recursive: true });
    await writeFile(`${folder}.lock`, "999999999 gone");
    await writeFile(path.join(folder, "m.gguf.part"), "junk");
    await writeFile(path.join(folder, "m.gguf.part.journal"), "junk\n");
    await writeFile(path.join(folder, "record.json"), "{");
    const model = await open().fetchModel("oak", owner());
    expect((await readFile(path.join(model.directory, "m.gguf"))).equals(gguf("oak"))).toBe(true);
  });
});
