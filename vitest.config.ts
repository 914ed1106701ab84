import { defineConfig } from "vitest/config";
import { TestOrder } from "./tools/test-order.mjs";

const conditions = ["umbel-source"];
/** Real processes under load, whose deadlines are real: nothing else runs meanwhile. */
const ALONE = ["e2e/src/chaos.test.ts"];
const PURE = ["protocol", "dialects", "routing"].map((name) => `packages/${name}/src/**/*.test.ts`);
/** Nothing here outlives a test: loading modules once a worker, and not once a file, saves half the time. */
const QUICK = { isolate: false, testTimeout: 30_000, hookTimeout: 60_000 };
/** Some of these tests start the programs, which must not be older than their sources. */
const PROGRAMS = "tools/bundle.mjs";
const NETWORKS = { globalSetup: [PROGRAMS, "e2e/src/harness/database-template.ts"] };
const SLOW = { testTimeout: 120_000, hookTimeout: 180_000 };

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: { name: "pure", include: PURE, ...QUICK },
      },
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "tools/**/*.test.mjs"],
          exclude: PURE,
          globalSetup: PROGRAMS,
          ...QUICK,
        },
      },
      {
        extends: true,
        test: { name: "e2e", include: ["e2e/src/**/*.test.ts"], exclude: ALONE, ...NETWORKS, ...SLOW },
      },
      {
        extends: true,
        test: { name: "e2e-alone", include: ALONE, ...NETWORKS, ...SLOW, fileParallelism: false },
      },
    ],
    maxWorkers: 2,
    // What comes by itself may come late on a machine that does other things.
    expect: { poll: { timeout: 20_000 } },
    sequence: { sequencer: TestOrder },
  },
});
