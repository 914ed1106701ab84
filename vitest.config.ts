import { defineConfig } from "vitest/config";

const conditions = ["umbel-source"];
/** Real processes under load, whose deadlines are real: nothing else runs meanwhile. */
const ALONE = ["e2e/src/chaos.test.ts"];
const PURE = ["protocol", "dialects", "routing"].map((name) => `packages/${name}/src/**/*.test.ts`);
const QUICK = { testTimeout: 30_000, hookTimeout: 60_000 };
/** Some of these tests start the programs. */
const STARTS = { globalSetup: "tools/bundle.mjs" };
const SLOW = { testTimeout: 120_000, hookTimeout: 180_000 };

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    projects: [
      {
        extends: true,
        // Nothing in these packages outlives a test: loading them once a worker, and not once a file, saves most of their time.
        test: { name: "pure", include: PURE, isolate: false, ...QUICK },
      },
      {
        extends: true,
        test: { name: "unit", include: ["packages/*/src/**/*.test.ts", "tools/**/*.test.mjs"], exclude: PURE, ...STARTS, ...QUICK },
      },
      {
        extends: true,
        test: { name: "e2e", include: ["e2e/src/**/*.test.ts"], exclude: ALONE, ...STARTS, ...SLOW },
      },
      {
        extends: true,
        test: { name: "e2e-alone", include: ALONE, ...STARTS, ...SLOW, fileParallelism: false },
      },
    ],
    maxWorkers: 2,
  },
});
