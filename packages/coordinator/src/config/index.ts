export { loadSettings, SettingsError, type SettingsProblem, type SettingsSources, settingsTable } from "./load-settings.js";
export type { SettingName, Settings } from "./settings.js";
