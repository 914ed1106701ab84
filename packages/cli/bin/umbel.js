#!/usr/bin/env node
// Stands in git, unlike what it starts: npm links a command at install, before anything is built.
import module from "node:module";
import { fileURLToPath } from "node:url";

// Node 22 and later can keep what they have compiled; beside the program, where only those can write who could change the program, too.
module.enableCompileCache?.(fileURLToPath(new URL("../bundle/compiled", import.meta.url)));
await import("../bundle/main.js");
