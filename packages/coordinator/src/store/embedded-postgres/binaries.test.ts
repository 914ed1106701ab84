import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readlink, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeLinkedCopy, prepareBinaries } from "./binaries.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "umbel-binaries-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("the binaries of the platform package", () => {
  it("get the library links and the executable bit that the install left out", async () => {
    const native = path.join(directory, "package", "native");
    await mkdir(path.join(native, "bin"), { recursive: true });
    await mkdir(path.join(native, "lib"));
    for (const program of ["initdb", "postgres", "pg_ctl"]) await writeFile(path.join(native, "bin", program), "", { mode: 0o644 });
    await writeFile(path.join(native, "pg-symlinks.json"), '[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]');
    for (const run of ["first", "again"]) {
      const binaries = await prepareBinaries(path.join(directory, run), path.join(directory, "package"));
      expect(binaries.root).toBe(native);
      expect((await stat(binaries.postgres)).mode & 0o111).toBe(0o111);
      expect(await readlink(path.join(native, "lib", "libpq.so.5"))).toBe("libpq.so.5.18");
    }
  });

  it("run from a linked copy when the package cannot be written", async () => {
    const { root: native } = await prepareBinaries(path.join(directory, "unneeded"));
    const copy = path.join(directory, "copy");
    await makeLinkedCopy(native, copy, [{ name: "libmissing.so.1", target: "libpq.so.5.18" }]);
    expect(execFileSync(path.join(copy, "bin", "initdb"), ["--version"], { encoding: "utf8" })).toContain("18.");
    expect(execFileSync(path.join(copy, "bin", "postgres"), ["--version"], { encoding: "utf8" })).toContain("18.");
    expect(await readlink(path.join(copy, "lib", "libmissing.so.1"))).toBe("libpq.so.5.18");
  });

  it("are missed with advice when the package is broken", async () => {
    const lookup = prepareBinaries(path.join(directory, "copy"), path.join(directory, "nowhere"));
    await expect(lookup).rejects.toMatchObject({ code: "binaries_unusable", message: expect.stringContaining("UMBEL_DATABASE_URL") });
  });
});
