import { list, modelOrigin, oneOf, versionFloor, wholeNumber } from "../forms.js";
import { setting, wait } from "./setting.js";

/** Which machines may serve, and from where models come. */
export const fleetSettings = {
  modelOrigins: setting(list(modelOrigin), {
    env: "UMBEL_MODEL_ORIGINS",
    default: "",
    about: "Addresses below which machines find the files of every build, before this coordinator's own (`<origin>/<prefix>/<path>`).",
  }),
  weightsGrace_ms: wait(
    "UMBEL_WEIGHTS_GRACE",
    "24h",
    "How long machines still serve weights that another version has replaced under the same id; 0 is not at all.",
    0,
  ),

  minTrust: setting(oneOf(["none", "self_signed", "hardware"]), {
    env: "UMBEL_MIN_TRUST",
    default: "self_signed",
    about: "Least trust level of a machine that gets requests.",
  }),
  minProviderVersion: setting(versionFloor, {
    env: "UMBEL_MIN_PROVIDER_VERSION",
    default: "",
    about: "Oldest provider version that gets requests; empty is any.",
  }),
  socketsPerIp: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_SOCKETS_PER_IP",
    default: "20",
    about: "Provider sockets open at once from one address.",
  }),
  upgradesPerIp_perMinute: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_UPGRADES_PER_IP",
    default: "30",
    about: "Provider sockets opened in a minute from one address.",
  }),
} as const;
