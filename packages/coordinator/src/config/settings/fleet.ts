import { list, modelOrigin, oneOf, sha256, versionFloor, wholeNumber } from "../forms.js";
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
  runtimeCheck: setting(oneOf(["off", "report", "enforce"]), {
    env: "UMBEL_RUNTIME_CHECK",
    default: "off",
    about:
      "What follows where a machine's program is none of the releases that are offered: nothing, a line in the log, or that it gets no requests.",
  }),
  knownRuntimes: setting(list(sha256), {
    env: "UMBEL_KNOWN_RUNTIMES",
    default: "",
    about: "Programs that are accepted besides the releases, by their `binary_hash`.",
  }),
  challengeInterval_ms: wait("UMBEL_CHALLENGE_INTERVAL", "5m", "How often a connected machine has to prove that it holds its keys.", 1_000),
  challengeTimeout_ms: wait("UMBEL_CHALLENGE_TIMEOUT", "30s", "How long it may take to answer.", 1_000),
  challengeFreshness_ms: wait(
    "UMBEL_CHALLENGE_FRESHNESS",
    "16m",
    "How long a good answer counts; longer than the interval and the time to answer together.",
    2_000,
  ),
  challengeSilencesToUntrust: setting(wholeNumber({ least: 1, most: 100 }), {
    env: "UMBEL_CHALLENGE_SILENCES_UNTRUST",
    default: "3",
    about: "Challenges in a row without an answer after which a machine gets no requests until it answers one.",
  }),
  challengeSilencesToClose: setting(wholeNumber({ least: 1, most: 100 }), {
    env: "UMBEL_CHALLENGE_SILENCES_CLOSE",
    default: "6",
    about: "Challenges in a row without an answer after which it is disconnected; no fewer than those.",
  }),
  evictionTimeout_ms: wait(
    "UMBEL_EVICTION_TIMEOUT",
    "90s",
    "Silence after which a machine is taken for gone; looked at three times as often. Machines say something every five seconds.",
    15_000,
  ),
  evictionStrikes: setting(wholeNumber({ least: 1, most: 100 }), {
    env: "UMBEL_EVICTION_STRIKES",
    default: "2",
    about: "Looks in a row that must find it silent for so long before it is disconnected.",
  }),
  rateSamples: setting(wholeNumber({ least: 1, most: 1_000 }), {
    env: "UMBEL_RATE_SAMPLES",
    default: "50",
    about: "Latest measurements of a build's writing speed of which the median of a compute class is taken.",
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
