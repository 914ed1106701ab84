import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations, PACKAGE_ROWS } from "./layering.mjs";

let root;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "umbel-layering-"));
  for (const name of Object.keys(PACKAGE_ROWS)) mkdirSync(path.join(root, "packages", name, "src"), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function plant(file, text) {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}

describe("the layering check", () => {
  it.each([
    ["packages/protocol/src/a.ts", 'import { x } from "@umbel/dialects";', "nothing of ours"],
    ["packages/dialects/src/a.ts", 'export * from "@umbel/routing";', "may import protocol"],
    ["packages/routing/src/a.ts", 'import { readFile } from "node:fs";', "runs in browsers"],
    ["packages/routing/src/a.ts", 'import fs from "fs";', "runs in browsers"],
    ["packages/sdk/src/a.ts", 'import { n } from "@umbel/protocol/native";', "runs in browsers"],
    ["packages/provider/src/agent/a.ts", 'import type { X } from "@umbel/coordinator";', "may import protocol, dialects"],
    ["packages/provider/src/chat/a.ts", 'import net from "node:net";', "no network"],
    ["packages/provider/src/engine/a.ts", 'const x = await import("../session/s.js");', "no other folder"],
    ["packages/coordinator/src/http/a.ts", 'import { db } from "../store/index.js";', "may import"],
    ["packages/coordinator/src/http/a.ts", 'import { sql } from "drizzle-orm";', "only store"],
    ["packages/coordinator/src/ledger/a.ts", 'import type { F } from "../fleet/index.js";', "may import"],
    ["packages/coordinator/src/inference/a.ts", 'import { x } from "../ledger/price.js";', "through its index"],
    ["packages/coordinator/src/a.ts", 'import { x } from "../../protocol/src/bytes.js";', "leaves its package"],
    ["packages/cli/src/a.ts", 'import { x } from "@umbel/protocol/testing";', "for tests"],
  ])("refuses %s with %s", (file, text, why) => {
    plant(file, text);
    expect(findViolations(root)).toEqual([expect.stringContaining(why)]);
  });

  it.each([
    ["packages/dialects/src/a.ts", 'import { x } from "@umbel/protocol";'],
    ["packages/protocol/src/native/a.ts", 'import { x } from "node:crypto";'],
    ["packages/protocol/src/a.test.ts", 'import { x } from "node:fs";'],
    ["packages/coordinator/src/main.ts", 'import { x } from "./store/index.js";'],
    ["packages/coordinator/src/http/a.ts", 'import { x } from "../inference/index.js";'],
  ])("accepts %s with %s", (file, text) => {
    plant(file, text);
    expect(findViolations(root)).toEqual([]);
  });

  it("finds a violation planted into the real tree", () => {
    cpSync(path.resolve(import.meta.dirname, "../packages/protocol/src"), path.join(root, "packages/protocol/src"), { recursive: true });
    plant("packages/protocol/src/planted.ts", 'import { x } from "@umbel/routing";');
    expect(findViolations(root)).toEqual([expect.stringContaining("planted.ts")]);
  });
});
