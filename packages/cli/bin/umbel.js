#!/usr/bin/env node
// Stands in git, unlike what it starts: npm links a command at install, before anything is built.
import "../dist/main.js";
