import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ModelInfo } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LocalModel } from "../index.js";
import { SUPERSEDED_ms, SupersededBuilds } from "./superseded-builds.js";

const clock = createFakeClock(new Date("2026-05-01T12:00:00Z"));
let home: string;
let versions: LocalModel[];
let offered: ModelInfo[];
let wanted: string[];
let removed: string[];

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-superseded-"));
  [versions, offered, wanted, removed] = [[], [], [], []];
});
afterEach(() => rm(home, { recursive: true }));

function model(id: string, version = "1", change: Partial<LocalModel> = {}): LocalModel {
  const now = clock.date().toISOString();
  const info = { id, weight_hash: `${id}-${version}` };
  return { info, manifest: { version }, isPinned: false, isStored: true, takenIn_at: now, used_at: now, ...change } as LocalModel;
}

/** Another one each time, as after a restart. */
const builds = () =>
  new SupersededBuilds({
    ...{ home, clock, offered: () => offered, wanted: () => wanted, logger: { info: () => undefined } },
    store: {
      listVersions: async () => versions,
      removeVersion: async (gone) => {
        removed.push(`${gone.info.id} ${gone.manifest.version}`);
        versions = versions.filter((kept) => kept !== gone);
        return 1;
      },
    },
  });

describe("what others have taken the place of", () => {
  it("goes a day later, also after a restart; nothing else does", async () => {
    versions = [model("old"), model("pinned", "1", { isPinned: true }), model("elsewhere", "1", { isStored: false }), model("unrelated")];
    for (const id of ["old", "pinned", "elsewhere"]) await builds().displaced(id);
    await clock.advance(SUPERSEDED_ms - 1);
    expect(await builds().sweep()).toEqual([]);
    await builds().displaced("old");
    await clock.advance(1);
    expect(await builds().sweep()).toEqual(["old"]);
    expect(removed).toEqual(["old 1"]);
    expect(await builds().sweep()).toEqual([]);
  });

  it("stays while it is used, offered or wanted, and a day longer", async () => {
    versions = [model("used"), model("offered"), model("wanted")];
    for (const { info } of versions) await builds().displaced(info.id);
    await clock.advance(SUPERSEDED_ms);
    versions = [model("used"), ...versions.slice(1)];
    offered = versions.filter(({ info }) => info.id === "offered").map(({ info }) => info);
    wanted = ["wanted"];
    expect(await builds().sweep()).toEqual([]);
    [offered, wanted] = [[], []];
    await clock.advance(SUPERSEDED_ms);
    // That they were displaced before they were offered and wanted again does not count any more.
    expect(await builds().sweep()).toEqual(["used"]);
  });

  it("is an older version of a build, unless that is the one that is offered", async () => {
    versions = [model("oak", "1"), model("elm", "1")];
    await clock.advance(1);
    versions = [...versions, model("oak", "2"), model("elm", "2")];
    offered = versions.filter(({ info }) => ["oak-2", "elm-1"].includes(info.weight_hash)).map(({ info }) => info);
    expect(await builds().sweep()).toEqual([]);
    await clock.advance(SUPERSEDED_ms);
    await builds().sweep();
    expect(removed).toEqual(["oak 1"]);
  });
});
