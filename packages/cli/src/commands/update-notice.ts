import type { Command } from "commander";

/** What people run to look at their machine. What serves, or hands out one figure to a script, asks nobody. */
const NOTICED = ["status", "doctor", "restart", "pause", "resume"];

/** After these commands a line says that there is a newer release, if that is known by then. */
export function withUpdateNotice(provider: Command): void {
  let notice: Promise<string | undefined> | undefined;
  provider.hook("preAction", async (_provider, command) => {
    if (!NOTICED.includes(command.name()) || command.parent !== provider) return;
    const { updateNotice, wantsNotice } = await import("../update/notice.js");
    if (wantsNotice(command.opts(), process.env, process.stderr.isTTY)) notice = updateNotice(command.opts());
  });
  provider.hook("postAction", async () => {
    const line = await notice;
    if (line !== undefined) process.stderr.write(`${line}\n`);
  });
}
