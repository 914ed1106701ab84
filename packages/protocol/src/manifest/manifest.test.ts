import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manifestDigest } from "../catalog/index.js";
import { WIRE_LIMITS } from "../limits.js";
import {
  aggregateHash,
  assertSafePath,
  createManifest,
  type Manifest,
  type ManifestFile,
  manifestFileRole,
  manifestPrefix,
  validateManifest,
} from "./index.js";

const hashOf = (content: string): string => createHash("sha256").update(content).digest("hex");
const file = (path: string, content = path): ManifestFile => ({
  path,
  size_bytes: content.length,
  sha256: hashOf(content),
  role: manifestFileRole(path) ?? "other",
});
const create = (...files: ManifestFile[]): Manifest =>
  createManifest({ modelId: "umbel/sprout", version: "1.0.0", files, createdAt: new Date("2026-01-01T00:00:00Z") });
const refusal = (code: string) => expect.objectContaining({ name: "ManifestError", code });

describe("the aggregate hash", () => {
  /** By hand: `sha256sum` of the concatenated raw digests in path order. */
  const byHand = (...contents: string[]): string =>
    createHash("sha256")
      .update(Buffer.concat(contents.map((content) => Buffer.from(hashOf(content), "hex"))))
      .digest("hex");

  it("of one file is the hash of its digest", () => {
    // printf abc | sha256sum | cut -c-64 | xxd -r -p | sha256sum
    expect(aggregateHash([file("model.gguf", "abc")])).toBe("4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358");
  });

  it("orders by bytes, not by locale: `B` before `a`", () => {
    const files = [file("a", "first content"), file("B", "second content")];
    expect(aggregateHash(files)).toBe(byHand("second content", "first content"));
    expect(aggregateHash(files.toReversed())).toBe(aggregateHash(files));
  });

  it("orders non-ASCII paths by UTF-8, not by UTF-16: U+FF5E before U+1F331", () => {
    const files = [file("🌱.gguf", "plant"), file("～.gguf", "tilde"), file("é.gguf", "e"), file("z.gguf", "z")];
    expect(aggregateHash(files)).toBe(byHand("z", "e", "tilde", "plant"));
  });

  it("orders a shorter path before its extensions, and equal paths by digest", () => {
    expect(aggregateHash([file("ab", "2"), file("a", "1")])).toBe(byHand("1", "2"));
    const twins = [file("a", "x"), file("a", "y")];
    expect(aggregateHash(twins)).toBe(aggregateHash(twins.toReversed()));
  });

  it("does not depend on the order in which files are listed", () => {
    const paths = fc.uniqueArray(fc.string({ unit: "grapheme", minLength: 1 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(paths, (unique) => {
        const files = unique.map((path) => file(path));
        expect(aggregateHash(files.toReversed())).toBe(aggregateHash(files));
      }),
    );
  });

  it("of nothing does not exist", () => {
    expect(() => aggregateHash([])).toThrow(refusal("no_files"));
  });
});

describe("path safety", () => {
  it.each([
    "model.gguf",
    "sub/dir/model-00001-of-00002.gguf",
    "modèle.gguf",
    "..model",
    "a b",
    "console.json",
    "com10",
    `${"x".repeat(255)}`,
  ])("allows %j", (path) => {
    expect(() => assertSafePath(path)).not.toThrow();
  });

  it.each([
    "",
    "/etc/passwd",
    "a\\b",
    "a//b",
    "a/",
    "./a",
    "a/../b",
    "..",
    "a\0b",
    "a\nb",
    "a\u0085b",
    "c:/a",
    "a:stream",
    "CON",
    "nul.txt",
    "sub/com1.gguf",
    "LPT9",
    "dot.",
    "space ",
    "dir./a",
    "\ud800",
    "x".repeat(256),
    "é".repeat(128),
    `${"a/".repeat(512)}a`,
  ])("refuses %j", (path) => {
    expect(() => assertSafePath(path)).toThrow(refusal("unsafe_path"));
  });

  it("never lets a path out of its directory", () => {
    const wild = fc.stringMatching(/^[./\\:a-c\0]{0,12}$/);
    fc.assert(
      fc.property(wild, (path) => {
        try {
          assertSafePath(path);
        } catch {
          return;
        }
        expect(new URL(path, "file:///models/build/").pathname.startsWith("/models/build/")).toBe(true);
      }),
    );
  });

  it.each([
    ["case", ["Model.gguf", "model.gguf"]],
    ["a letter that folds to two", ["straße.gguf", "STRASSE.gguf"]],
    ["Unicode form", ["\u00e9.gguf", "e\u0301.gguf"]],
    ["one being the directory of the other", ["a", "A/b.gguf"]],
    ["one being the directory of an earlier one", ["a/b.gguf", "A"]],
    ["nothing", ["a.gguf", "a.gguf"]],
  ])("refuses two paths that differ only by %s", (_, paths) => {
    expect(() => create(...paths.map((path) => file(path)))).toThrow(refusal("colliding_paths"));
  });

  it("allows files side by side in one directory", () => {
    expect(create(file("a/one.gguf"), file("a/two.gguf"), file("a.gguf")).file_count).toBe(3);
  });
});

describe("prefixes", () => {
  it.each([
    ["sprout-3m-q8_0", "1", "v2/sprout-3m-q8_0--"],
    ["umbel/sprout", "2026-01-01", "v2/umbel-sprout--"],
    ["-/-", "1", "v2/model--"],
  ])("of %j version %j start with %j", (id, version, start) => {
    const hash = hashOf(id).slice(0, 12);
    expect(manifestPrefix(id, version)).toBe(`${start}${hash}/${version}`);
  });

  it("keep ids with the same slug apart", () => {
    expect(manifestPrefix("a/b", "1")).not.toBe(manifestPrefix("a-b", "1"));
  });

  it.each(["", "/a", "a..b", "a b", "é", "a\n"])("are not made for the model id %j", (id) => {
    expect(() => manifestPrefix(id, "1")).toThrow(refusal("invalid_model_id"));
  });

  it.each(["", "1/2", "..", ".", "1..2", "v 1"])("are not made for the version %j", (version) => {
    expect(() => manifestPrefix("a", version)).toThrow(refusal("invalid_version"));
  });
});

describe("file roles", () => {
  it.each([
    ["model.gguf", "weight"],
    ["model-00001-of-00002.gguf", "weight"],
    ["deep/model.safetensors", "weight"],
    ["mmproj-f16.gguf", "projector"],
    ["adapter-lora.gguf", "adapter"],
    ["model.safetensors.index.json", "index"],
    ["tokenizer.json", "tokenizer"],
    ["generation_config.json", "config"],
    ["chat_template.jinja", "template"],
    ["preprocessor_config.json", "preprocessor"],
    ["README.md", undefined],
    [".model.gguf", undefined],
    ["toString", undefined],
  ])("of %j is %s", (path, role) => {
    expect(manifestFileRole(path)).toBe(role);
  });
});

describe("a manifest", () => {
  const good = create(file("b.gguf", "bb"), file("a.gguf", "a"));

  it("is derived from its files", () => {
    expect(good).toMatchObject({ file_count: 2, total_size_bytes: 3, schema_version: 1, created_at: "2026-01-01T00:00:00.000Z" });
    expect(good.files.map(({ path }) => path)).toEqual(["a.gguf", "b.gguf"]);
    expect(good.aggregate_sha256).toBe(aggregateHash(good.files));
    expect(validateManifest(JSON.parse(JSON.stringify(good)))).toEqual(good);
  });

  it("may carry fields of a later version, which are dropped", () => {
    expect(validateManifest({ ...good, signature: "later" })).toEqual(good);
  });

  it.each<[string, unknown, string]>([
    ["not an object", null, "malformed"],
    ["of another schema version", { ...good, schema_version: 2 }, "malformed"],
    ["with an upper-case hash", { ...good, aggregate_sha256: good.aggregate_sha256.toUpperCase() }, "malformed"],
    ["without files", { ...good, files: [], file_count: 0 }, "malformed"],
    ["with a chosen prefix", { ...good, prefix: "v2/chosen/1" }, "wrong_prefix"],
    ["of a bad id", { ...good, model_id: "../up" }, "invalid_model_id"],
    ["with another count", { ...good, file_count: 3 }, "wrong_file_count"],
    ["with another size", { ...good, total_size_bytes: 4 }, "wrong_total_size"],
    ["with another aggregate", { ...good, aggregate_sha256: "0".repeat(64) }, "wrong_aggregate"],
    ["with a path that leaves its directory", { ...good, files: [file("../a.gguf")], file_count: 1 }, "unsafe_path"],
  ])("%s is refused", (_, value, code) => {
    expect(() => validateManifest(value)).toThrow(refusal(code));
  });

  it("names the file at fault, but not in its message", () => {
    expect(() => create(file("a/../b"))).toThrow(expect.objectContaining({ path: "a/../b", message: "manifest refused: unsafe_path" }));
  });

  it("has a limit of files", () => {
    const files = Array.from({ length: WIRE_LIMITS.manifestFiles_max + 1 }, (_, index) => file(`${index}.gguf`));
    expect(() => create(...files)).toThrow(refusal("too_many_files"));
    expect(create(...files.slice(1)).file_count).toBe(WIRE_LIMITS.manifestFiles_max);
  });

  it("may have hashes of a file's parts, all of them", () => {
    const MiB = 1024 * 1024;
    const parts = (count: number, size_bytes = MiB) => ({ size_bytes, sha256: Array.from({ length: count }, () => "ab".repeat(32)) });
    const large = { ...file("a.gguf"), size_bytes: 2 * MiB + 1 };
    expect(create({ ...large, parts: parts(3) }).files[0]?.parts?.sha256).toHaveLength(3);
    expect(manifestDigest(create({ ...large, parts: parts(3) }))).not.toBe(manifestDigest(create(large)));
    for (const count of [2, 4]) expect(() => create({ ...large, parts: parts(count) })).toThrow(refusal("wrong_parts"));
    for (const bad of [parts(0), parts(3, MiB - 1)]) expect(() => create({ ...large, parts: bad })).toThrow(refusal("malformed"));
    const huge = { ...large, size_bytes: (WIRE_LIMITS.manifestParts_max + 1) * MiB };
    expect(() => create({ ...huge, parts: parts(WIRE_LIMITS.manifestParts_max + 1) })).toThrow(refusal("malformed"));
  });

  it("needs every part of a split weight", () => {
    const part = (index: number, total = 3, name = "m") => file(`${name}-0000${index}-of-0000${total}.gguf`);
    expect(create(part(1), part(2), part(3), part(1, 1, "other")).file_count).toBe(4);
    for (const files of [[part(1), part(3)], [part(0), part(1), part(2)], [part(2)], [part(1), part(2, 2)]]) {
      expect(() => create(...files)).toThrow(refusal("split_incomplete"));
    }
  });
});
