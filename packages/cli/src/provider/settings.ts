import { cityName, countryCode } from "@umbel/protocol";
import { z } from "zod";
import { absolutePath, decimal, decimalFrom, listOfText, type SettingForm, wholeNumber, yesOrNo } from "./setting-form.js";

/** Where the value of a setting comes from; the first of these that has one counts. */
export type SettingSource = "option" | "environment" | "file" | "default";

/** Every setting of a provider that is one value. The windows of the schedule are in the file only. */
export const PROVIDER_SETTINGS = {
  coordinatorUrl: setting({
    key: "coordinator.url",
    option: "coordinator",
    env: "UMBEL_PROVIDER_COORDINATOR",
    schema: z.url({ protocol: /^(?:https?|wss?)$/, error: "must be the address of a coordinator, https://…" }),
    fallback: "http://127.0.0.1:8080",
    about: "coordinator to serve",
  }),
  privateOnly: setting({
    key: "coordinator.private_only",
    option: "privateOnly",
    env: "UMBEL_PROVIDER_PRIVATE_ONLY",
    schema: yesOrNo,
    fallback: false,
    about: "serve only the requests of the machine's own account",
  }),
  country: setting({
    key: "machine.country",
    env: "UMBEL_PROVIDER_COUNTRY",
    schema: countryCode,
    about: "country in which the machine stands, two letters, for the network's public figures; absent is that nobody is told",
  }),
  city: setting({
    key: "machine.city",
    env: "UMBEL_PROVIDER_CITY",
    schema: cityName,
    about: "city in which it stands, shown only where others do, too; absent is that nobody is told",
  }),
  dataDir: setting({
    key: "data_dir",
    env: "UMBEL_PROVIDER_DATA_DIR",
    schema: absolutePath,
    about: "folder of the provider's keys, records and socket; absent is provider in the Umbel home",
  }),
  modelsDir: setting({
    key: "models_dir",
    env: "UMBEL_PROVIDER_MODELS_DIR",
    schema: absolutePath,
    about: "folder of the models; absent is models in the provider's folder",
  }),
  name: setting({
    key: "provider.name",
    env: "UMBEL_PROVIDER_NAME",
    schema: z.string().trim().min(1).max(64),
    about: "what this machine is called where it is linked to an account; absent is its name in the network",
  }),
  memoryReserve_gb: setting({
    key: "provider.memory_reserve_gb",
    env: "UMBEL_PROVIDER_MEMORY_RESERVE_GB",
    schema: decimalFrom(0, 4_096),
    about: "memory that models leave free in any case, in GiB; absent is half a GiB, and a tenth of the machine or 2 GiB",
  }),
  autoUpdate: setting({
    key: "provider.auto_update",
    env: "UMBEL_PROVIDER_AUTO_UPDATE",
    schema: yesOrNo,
    fallback: true,
    about: "whether an installation of Umbel's own takes in the releases that its pinned keys have signed, by itself",
  }),
  updateChannel: setting({
    key: "provider.update_channel",
    env: "UMBEL_PROVIDER_UPDATE_CHANNEL",
    schema: z.enum(["stable", "beta"]),
    fallback: "stable",
    about: "which releases: stable, or beta, which is offered stable ones, too",
  }),
  localEndpoint: setting({
    key: "local.endpoint",
    option: "localEndpoint",
    env: "UMBEL_PROVIDER_LOCAL_ENDPOINT",
    schema: z.union([
      z.string().min(1),
      z.number().transform(String),
      // `true` is the usual address.
      z.boolean().transform((isOn) => (isOn ? "127.0.0.1:8000" : undefined)),
    ]),
    about: "where this machine's own programs find the API beside the coordinator, e.g. 127.0.0.1:8000; absent is nowhere",
  }),
  models: setting({
    key: "backend.models",
    option: "model",
    env: "UMBEL_PROVIDER_MODELS",
    schema: listOfText,
    fallback: [],
    about: "ids of models that were downloaded, or directories; none is the bundled models and all that were downloaded",
  }),
  sequences: setting({
    key: "backend.parallel",
    option: "sequences",
    env: "UMBEL_PROVIDER_SEQUENCES",
    schema: wholeNumber(1, 64),
    fallback: 16,
    about: "answers of one model at the same time",
  }),
  threads: setting({
    key: "backend.threads",
    option: "threads",
    env: "UMBEL_PROVIDER_THREADS",
    schema: wholeNumber(1, 1_024),
    about: "most CPU threads for the models; absent is physical cores less one",
  }),
  gpuLayers: setting({
    key: "backend.gpu_layers",
    option: "gpuLayers",
    env: "UMBEL_PROVIDER_GPU_LAYERS",
    schema: wholeNumber(0, 10_000),
    about: "layers of a model that the graphics card computes; 0 leaves it alone, absent is as many as fit",
  }),
  gpu: setting({
    key: "backend.gpu",
    option: "gpu",
    env: "UMBEL_PROVIDER_GPU",
    schema: z.enum(["auto", "metal", "cuda", "vulkan", "cpu"]),
    fallback: "auto",
    about:
      "what computes: the best there is (auto), a graphics card by the interface that is named and by no other, or the processor alone (cpu)",
  }),
  allowCpu: setting({
    key: "backend.allow_cpu",
    env: "UMBEL_PROVIDER_ALLOW_CPU",
    schema: yesOrNo,
    fallback: true,
    about: "whether a machine without a graphics card that llama.cpp can use serves on its processor, or not at all",
  }),
  contextLength_tokens_max: setting({
    key: "backend.context_length",
    option: "contextLength",
    env: "UMBEL_PROVIDER_CONTEXT_LENGTH",
    schema: wholeNumber(512, 2_097_152),
    about: "tokens of context that a model is served with at most; absent is as many as each allows and memory has room for",
  }),
  modelsResident_max: setting({
    key: "backend.max_model_slots",
    option: "modelsResidentMax",
    env: "UMBEL_PROVIDER_MAX_MODEL_SLOTS",
    schema: wholeNumber(1, 64),
    about: "models in memory at once; absent is as many as fit",
  }),
  modelsMemory_gb_max: setting({
    key: "backend.memory_gb",
    option: "modelsMemoryMaxGb",
    env: "UMBEL_PROVIDER_MEMORY_GB",
    schema: decimal(4_096),
    about: "memory that models may take together, in GiB; absent is what the machine has",
  }),
  idleUnload_minutes: setting({
    key: "backend.idle_timeout_mins",
    option: "idleTimeout",
    env: "UMBEL_PROVIDER_IDLE_TIMEOUT_MINS",
    schema: wholeNumber(0, 100_000),
    fallback: 60,
    about: "a model not used for so long leaves memory; 0 is never",
  }),
  kvCache: setting({
    key: "backend.kv_cache",
    option: "kvCache",
    env: "UMBEL_PROVIDER_KV_CACHE",
    schema: z.enum(["f16", "q8_0"]),
    fallback: "f16",
    about: "type of the key-value cache: q8_0 takes half of the memory of f16",
  }),
  prefixCacheDisk_gb_max: setting({
    key: "prefix_cache.disk_gb",
    option: "prefixCacheDiskGb",
    env: "UMBEL_PROVIDER_PREFIX_CACHE_DISK_GB",
    schema: decimal(1_000_000),
    about: "what remembered prompts may take on the disk, encrypted, in GB; absent is that none are kept there",
  }),
  modelsDisk_gb_max: setting({
    key: "models.max_disk_gb",
    option: "modelsDiskMaxGb",
    env: "UMBEL_PROVIDER_MODELS_DISK_GB",
    schema: decimal(1_000_000),
    about: "what models may take on the disk, in GB; absent is 70 % of what they take and is free",
  }),
  modelsMirror: setting({
    key: "models.mirror",
    option: "mirror",
    env: "UMBEL_PROVIDER_MIRROR",
    schema: z.url({ protocol: /^https?$/, error: "must be an address, https://… or, near by, http://…" }),
    about: "where files of models are looked for first, e.g. http://192.168.1.10:8000; they are held to the same hashes",
  }),
  proxy: setting({
    key: "network.proxy",
    env: "UMBEL_PROVIDER_PROXY",
    schema: z.url({ protocol: /^https?$/, error: "must be the address of a proxy, http://…" }),
    about: "proxy for everything that leaves this machine; absent is that of HTTPS_PROXY and HTTP_PROXY, which a service does not see",
  }),
  noProxy: setting({
    key: "network.no_proxy",
    env: "UMBEL_PROVIDER_NO_PROXY",
    schema: z.string().max(4_096),
    about: "hosts that are reached without it, with commas between; absent is NO_PROXY",
  }),
  fetch_mbps_max: setting({
    key: "models.fetch_max_mbps",
    option: "fetchMaxMbps",
    env: "UMBEL_PROVIDER_FETCH_MBPS",
    schema: decimal(1_000_000),
    about: "what fetching models may take of the network, in megabits a second; absent is all there is",
  }),
  onMetered: setting({
    key: "models.on_metered",
    env: "UMBEL_PROVIDER_ON_METERED",
    schema: z.enum(["wait", "fetch"]),
    fallback: "wait",
    about: "whether models are fetched in the background over a metered network: wait for another one, or fetch",
  }),
  onBattery: setting({
    key: "power.on_battery",
    env: "UMBEL_PROVIDER_ON_BATTERY",
    schema: z.enum(["pause", "serve"]),
    fallback: "pause",
    about: "what to do on battery: pause or serve",
  }),
  batteryPercent_min: setting({
    key: "power.min_battery_percent",
    env: "UMBEL_PROVIDER_MIN_BATTERY_PERCENT",
    schema: wholeNumber(0, 100),
    fallback: 40,
    about: "on battery, serve only above this charge",
  }),
  telemetry: setting({
    key: "telemetry.enabled",
    env: "UMBEL_PROVIDER_TELEMETRY",
    schema: yesOrNo,
    fallback: false,
    about: "tell the coordinator of crashes, lost connections and want of memory, in words of a closed list; never of requests",
  }),
  autoReport: setting({
    key: "report.auto",
    env: "UMBEL_PROVIDER_REPORT_AUTO",
    schema: yesOrNo,
    fallback: false,
    about: "send the last day of the log to the coordinator when it ceases to trust this machine",
  }),
  stayAwake: setting({
    key: "power.stay_awake",
    env: "UMBEL_PROVIDER_STAY_AWAKE",
    schema: yesOrNo,
    fallback: true,
    about: "keep the machine from falling asleep while it answers; never on its battery",
  }),
  idle_min: setting({
    key: "guest.idle_minutes",
    env: "UMBEL_PROVIDER_IDLE_MINUTES",
    schema: wholeNumber(1, 1_440),
    about: "serve only when nobody has used the machine for so many minutes; absent is always",
  }),
  grace_s: setting({
    key: "guest.grace_seconds",
    env: "UMBEL_PROVIDER_GRACE_SECONDS",
    schema: wholeNumber(0, 600),
    fallback: 120,
    about: "how long running answers may go on when the machine is wanted back, or told to stop",
  }),
} as const;

function setting<T extends z.ZodType>(form: SettingForm<T>): SettingForm<T> {
  return form;
}

export type SettingName = keyof typeof PROVIDER_SETTINGS;
export type SettingValue<N extends SettingName> = (typeof PROVIDER_SETTINGS)[N] extends SettingForm<infer T> ? z.output<T> : never;
