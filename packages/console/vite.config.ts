import { defineConfig } from "vite";

export default defineConfig({
  resolve: { conditions: ["umbel-source", "module", "browser", "development|production"] },
  build: { outDir: "dist", emptyOutDir: true, target: "es2022" },
});
