import { createOutput } from "../output.js";
import { statusOf } from "../provider/ask.js";
import { readConfigFile } from "../provider/config-file.js";
import { providerConfigFile } from "../provider/config-place.js";
import { providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";
import { PROVIDER_SETTINGS } from "../provider/settings.js";
import { writeSetting } from "../provider/write-setting.js";
import { ownInstallation } from "../update/installation.js";
import { readPointer } from "../update/pointer.js";
import { VERSION } from "../version.js";

export interface AutoUpdateOptions {
  readonly home?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** `umbel provider autoupdate enable|disable`: in the file of settings; a provider that runs goes by it from its next look on. */
export async function setAutoUpdate(isOn: boolean, options: AutoUpdateOptions): Promise<void> {
  await writeSetting(providerConfigFile(options), PROVIDER_SETTINGS.autoUpdate.key, isOn);
  await autoUpdateStatus(options);
}

/** `umbel provider autoupdate status` */
export async function autoUpdateStatus(options: AutoUpdateOptions): Promise<void> {
  const output = createOutput(options);
  const places = providerPlaces(options);
  const { values, shown } = resolveSettings({}, process.env, readConfigFile(places.configFile));
  const source = shown.find(({ key }) => key === PROVIDER_SETTINGS.autoUpdate.key)?.source ?? "default";
  const own = ownInstallation();
  const failed = own === undefined ? null : (await readPointer(own)).failed;
  const updates = (await statusOf(places.home).catch(() => undefined))?.updates ?? null;
  const enabled = values.autoUpdate === true;
  output.result({
    ...{ enabled, source, channel: values.updateChannel ?? "stable", managed: own !== undefined, installed: VERSION },
    ...{ looked_at: updates?.looked_at ?? null, problem: updates?.problem ?? null, failed },
  });
  output.line(`This is ${VERSION}. Automatic updates are ${enabled ? "on" : "off"} (${source}).`);
  if (enabled && own === undefined) {
    output.line("Nothing comes of it: something else than Umbel has installed this, and updates it. See umbel provider update.");
  }
  if (updates?.looked_at != null)
    output.line(`The provider looked last at ${updates.looked_at}${updates.problem === null ? "." : `: ${updates.problem}`}`);
  if (failed !== null)
    output.line(`${failed.version} was tried ${failed.at} and did not come up: ${failed.why}. It is not tried again by itself.`);
}
