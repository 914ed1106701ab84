export { isLoopback } from "./forms.js";
export {
  loadSettings,
  SETTING_SOURCES,
  SettingsError,
  type SettingsProblem,
  type SettingsSources,
  settingsTable,
  writtenSettings,
} from "./load-settings.js";
export type { SettingName, Settings } from "./settings.js";
