import {
  adminSecret,
  directory,
  headerName,
  hostname,
  list,
  listenAddress,
  oneOf,
  optionalFile,
  optionalOrigin,
  origin,
  postgresUrl,
  proxyAddress,
  text,
  wholeNumber,
} from "../forms.js";
import { setting } from "./setting.js";

/** Where the coordinator stands, who may reach it and what operators hold. */
export const serverSettings = {
  home: setting(directory, { env: "UMBEL_HOME", default: "~/.umbel", about: "Where the coordinator keeps its state." }),
  host: setting(hostname, { env: "UMBEL_HOST", default: "127.0.0.1", about: "Address to listen on." }),
  port: setting(wholeNumber({ least: 0, most: 65_535 }), {
    env: "UMBEL_PORT",
    default: "8080",
    about: "Port of the API and of the provider socket; 0 takes a free one.",
  }),
  databaseUrl: setting(postgresUrl, {
    env: "UMBEL_DATABASE_URL",
    default: "",
    about: "PostgreSQL server to use; empty starts an embedded one under the home.",
    secret: true,
  }),
  publicUrl: setting(optionalOrigin, {
    env: "UMBEL_PUBLIC_URL",
    default: "",
    about: "Where people reach this coordinator, for the links that it gives them; empty is this machine.",
  }),
  corsOrigins: setting(list(origin), {
    env: "UMBEL_CORS_ORIGIN",
    default: "",
    about: "Origins of web pages that may call the API with credentials.",
  }),
  logLevel: setting(oneOf(["fatal", "error", "warn", "info", "debug", "trace", "silent"]), {
    env: "UMBEL_LOG_LEVEL",
    default: "info",
    about: "Least severe level that is logged.",
  }),
  adminKey: setting(adminSecret, {
    env: "UMBEL_ADMIN_KEY",
    default: "",
    about: "Bearer key of the routes under `/v1/admin`; empty makes one, in `<home>/admin-key`.",
    secret: true,
  }),
  releaseKey: setting(adminSecret, {
    env: "UMBEL_RELEASE_KEY",
    default: "",
    about: "Bearer key that may register releases of the provider program, and do nothing else; empty leaves that to operators.",
    secret: true,
  }),
  releaseSigners: setting(optionalFile, {
    env: "UMBEL_RELEASE_SIGNERS",
    default: "",
    about:
      "File with the public keys of whoever makes releases (`umbel admin releases key` writes it): the installers at `/install.sh` and `/install.ps1` pin them, and a release that none of them signed is refused; empty offers no installer.",
  }),
  adminAccounts: setting(list(text), {
    env: "UMBEL_ADMIN_ACCOUNTS",
    default: "",
    about: "Accounts whose signed-in people may use the routes under `/v1/admin`, too.",
  }),
  trustedProxies: setting(list(proxyAddress), {
    env: "UMBEL_TRUSTED_PROXIES",
    default: "",
    about: "Proxies in front of this coordinator, by address or network, whose `X-Forwarded-For` says who is calling.",
  }),
  countryHeader: setting(headerName, {
    env: "UMBEL_COUNTRY_HEADER",
    default: "",
    about:
      "Header in which those proxies say a caller's country in two letters, such as `CF-IPCountry`, for public figures; empty is that nobody says.",
  }),
  metricsListen: setting(listenAddress, {
    env: "UMBEL_METRICS_LISTEN",
    default: "",
    about: "Where operators read `/metrics` and `/decisions/{job id}`, without authentication; empty is off.",
  }),
} as const;
