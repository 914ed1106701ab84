import { randomUUID } from "node:crypto";
import type { Hardware } from "@umbel/protocol";
import { createMemoryMarker, createOomKills, SYSTEM_SOURCES } from "../guest/index.js";
import { readMemory } from "../machine/memory.js";
import { createDiskQueue, createTelemetry, NO_TELEMETRY, readLogReport, sendLogReport, type Telemetry } from "../telemetry/index.js";
import { AGENT_LIMITS } from "./limits.js";
import type { PartsContext } from "./parts.js";
import type { TroublesParts } from "./troubles.js";
import { providerVersion } from "./version.js";

/** Where troubles are noted, and whom they are told, as far as the owner has agreed. */
export function troublesParts(
  { options, dependencies, clock }: Pick<PartsContext, "options" | "dependencies" | "clock">,
  hardware: Hardware,
): Omit<TroublesParts, "residents" | "inFlight"> {
  const { home, coordinatorUrl, authToken, autoReportLog } = options;
  const { guestSources = SYSTEM_SOURCES, logger } = dependencies;
  const canReport = coordinatorUrl !== undefined && authToken !== undefined && autoReportLog !== undefined;
  return {
    ...{ clock, logger },
    telemetry: telemetryOf({ options, dependencies, clock }, hardware),
    marker: createMemoryMarker(home),
    kills: createOomKills(home, guestSources),
    readMemory: () => readMemory(guestSources.read),
    ...(canReport && {
      sendReport: async () => {
        const since = new Date(clock.date().getTime() - AGENT_LIMITS.autoReportSpan_ms);
        const report = await readLogReport(autoReportLog, since, { version: providerVersion, reason: "untrusted" });
        const outcome = await sendLogReport({ coordinatorUrl, authToken }, report);
        if (outcome.type !== "stored") throw new Error(outcome.type);
      },
    }),
  };
}

function telemetryOf(
  { options, dependencies, clock }: Pick<PartsContext, "options" | "dependencies" | "clock">,
  { platform, os_version, chip_name, memory_gb, gpus }: Hardware,
): Telemetry {
  const { home, coordinatorUrl, authToken, telemetry } = options;
  if (!telemetry || coordinatorUrl === undefined) return NO_TELEMETRY;
  const { sendTelemetry: send = fetch, logger } = dependencies;
  return createTelemetry({
    ...{ coordinatorUrl, authToken, clock, send, logger, version: providerVersion, newId: randomUUID },
    machine: { platform, os_version, hardware_chip: chip_name, memory_gb, gpu_name: gpus[0]?.name },
    queue: createDiskQueue(home),
  });
}
