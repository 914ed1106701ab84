import { z } from "zod";
import { SETTING_SOURCES, writtenSettings } from "../../config/index.js";
import type { HttpDependencies } from "../dependencies.js";

export const settingsObject = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      name: z.string().describe("In the environment."),
      value: z.string().nullable().describe("As written; null for a secret."),
      source: z.enum(SETTING_SOURCES),
      about: z.string(),
    }),
  ),
});

/** What this process runs with. Source: routing.md §19. */
export function settingsOf({ settings }: HttpDependencies): z.infer<typeof settingsObject> {
  return { object: "list", data: writtenSettings(settings).map((setting) => ({ ...setting, value: setting.value ?? null })) };
}
