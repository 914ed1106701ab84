/**
 * Every setting of the coordinator, a table for each topic: its name in the environment, its form, its default as one would write it, and what
 * it does. The type `Settings`, the start-up checks and the table in the README all come from here. Source of the defaults: api.md §1, §5,
 * §15; routing.md §8, §9; ops.md §8, §9.2.
 */
import type { z } from "zod";
import { backupSettings } from "./settings/backup.js";
import { dispatchSettings } from "./settings/dispatch.js";
import { fleetSettings } from "./settings/fleet.js";
import { limitsSettings } from "./settings/limits.js";
import { moneySettings } from "./settings/money.js";
import { paymentsSettings } from "./settings/payments.js";
import { peopleSettings } from "./settings/people.js";
import { recordsSettings } from "./settings/records.js";
import { serverSettings } from "./settings/server.js";
import type { Setting } from "./settings/setting.js";
import { warmPoolSettings } from "./settings/warm-pool.js";

export const SETTINGS = {
  ...serverSettings,
  ...peopleSettings,
  ...fleetSettings,
  ...limitsSettings,
  ...dispatchSettings,
  ...warmPoolSettings,
  ...recordsSettings,
  ...backupSettings,
  ...moneySettings,
  ...paymentsSettings,
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;

/** What the coordinator was told, read once at start. Units are in the names. */
export type Settings = { readonly [Name in SettingName]: z.output<(typeof SETTINGS)[Name]["schema"]> };
