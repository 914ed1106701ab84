import { defineConfig } from "vitest/config";

const conditions = ["umbel-source"];
/** Real processes under load, whose deadlines are real: nothing else runs meanwhile. */
const ALONE = ["e2e/src/chaos.test.ts"];
const SLOW = { testTimeout: 120_000, hookTimeout: 180_000 };

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["packages/*/src/**/*.test.ts", "tools/**/*.test.mjs"], testTimeout: 30_000, hookTimeout: 60_000 },
      },
      {
        extends: true,
        test: { name: "e2e", include: ["e2e/src/**/*.test.ts"], exclude: ALONE, ...SLOW },
      },
      {
        extends: true,
        test: { name: "e2e-alone", include: ALONE, ...SLOW, fileParallelism: false },
      },
    ],
    maxWorkers: 2,
  },
});
