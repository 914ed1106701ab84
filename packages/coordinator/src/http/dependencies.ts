import type { Server } from "node:http";
import type { CatalogKeys, Clock } from "@umbel/protocol";

import type {
  Accounts,
  Administration,
  Attempts,
  DataRights,
  DeviceLinking,
  Invites,
  People,
  PeopleMail,
  PersonSessions,
  PublishingKeys,
  Referrals,
  Registration,
  SignIn,
  SignInProvider,
} from "../accounts/index.js";

import type {
  BlobStore,
  BundleCheck,
  Catalog,
  CatalogAdmin,
  FileCheck,
  ManifestSigner,
  Releases,
  Verification,
  VersionFloor,
} from "../catalog/index.js";
import type { Settings } from "../config/index.js";
import type { Fleet } from "../fleet/index.js";
import type { Inference, RateLimits } from "../inference/index.js";
import type {
  DecisionArchive,
  Logger,
  LogReports,
  Metrics,
  Rejections,
  ServedPlaces,
  StatisticsStore,
  Telemetry,
} from "../insight/index.js";
import type { History, Ledger, OwnPrices, Reconciler } from "../ledger/index.js";
import type { Payments } from "../payments/index.js";
import type { Rewards } from "../rewards/index.js";
import type { Statements } from "../statements/index.js";
import type { Idempotency } from "./idempotency/index.js";
import type { Sealing } from "./sealed/index.js";
import type { StateExport } from "./state-export/state-export-route.js";

/** What the HTTP edge translates to, and the world it runs in. */
export interface HttpDependencies {
  readonly accounts: Pick<
    Accounts,
    | "authenticate"
    | "authenticateCookie"
    | "consoleKey"
    | "createKey"
    | "listKeys"
    | "getKey"
    | "keyBySecret"
    | "updateKey"
    | "rotateKey"
    | "revokeKey"
    | "revokeProviderToken"
    | "listProviderTokens"
    | "providerTokenBySecret"
    | "revokeProviderTokenById"
  >;
  readonly attempts: Omit<Attempts, "sweep">;
  readonly publishingKeys: Omit<PublishingKeys, "close">;
  readonly signIn: Pick<SignIn, "handle">;
  readonly people: Omit<People, "sweep">;
  readonly personSessions: Pick<PersonSessions, "list" | "revoke" | "revokeOthers" | "end">;
  /** What is offered to people who are to sign in. */
  readonly signInFacts: {
    readonly registration: Registration;
    readonly canMail: boolean;
    readonly providers: readonly Pick<SignInProvider, "id" | "name">[];
  };
  readonly mail: PeopleMail;
  readonly devices: Omit<DeviceLinking, "sweep">;
  readonly administration: Omit<Administration, "sweep">;
  readonly invites: Omit<Invites, "sweep">;
  readonly referrals: Omit<Referrals, "isKnown" | "applyIn">;
  readonly payments: Omit<Payments, "work" | "reconcile" | "sweep" | "close">;
  readonly statements: Statements;
  readonly rewards: Pick<Rewards, "ofAccount" | "latest" | "caps" | "setCap">;
  readonly dataRights: Omit<DataRights, "eraseDue">;
  readonly catalog: Omit<Catalog, "register" | "setAlias" | "refresh"> & CatalogAdmin;
  readonly manifests: ManifestSigner;
  readonly blobs: BlobStore;
  readonly checkFiles: FileCheck;
  readonly verification: Pick<Verification, "begin">;
  readonly stateExport: StateExport;
  readonly releases: Releases;
  readonly versionFloor: Pick<VersionFloor, "stated" | "set">;
  readonly checkBundle: BundleCheck;
  readonly fleet: Pick<
    Fleet,
    | "capacity"
    | "connected"
    | "programs"
    | "unknownRuntimes"
    | "machinesOf"
    | "sessionsOf"
    | "tokenPool"
    | "demand"
    | "unlink"
    | "publicViews"
    | "publicLocations"
    | "explain"
    | "viewsOf"
    | "publicId"
    | "connectedWith"
  >;
  /** Who may make releases; undefined where the operator has not said, which offers no installer and leaves that to machines. */
  readonly releaseSigners: CatalogKeys | undefined;
  readonly ledger: Pick<Ledger, "balance" | "keySpend" | "prices" | "listPrices">;
  readonly history: History;
  readonly reconciler: Pick<Reconciler, "check">;
  readonly ownPrices: OwnPrices;
  readonly inference: Pick<Inference, "run" | "arrive" | "inFlight" | "lastCall" | "queue">;
  readonly limits: Pick<RateLimits, "takeRequest">;
  readonly idempotency: Pick<Idempotency, "answer">;
  readonly decisions: DecisionArchive;
  readonly statistics: StatisticsStore;
  readonly places: Pick<ServedPlaces, "lately">;
  /** From which pseudonyms of accounts are derived. */
  readonly pseudonymSecret: Uint8Array;
  readonly sealing: Sealing;
  readonly metrics: Metrics;
  readonly rejections: Pick<Rejections, "record" | "browse">;
  readonly telemetry: Pick<Telemetry, "take" | "browse" | "groups">;
  readonly logReports: Omit<LogReports, "sweep">;
  readonly log: Logger;
  readonly clock: Clock;
  readonly settings: Settings;
  /** Of the operator, for the routes under `/v1/admin`. */
  readonly adminKey: string;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Of this coordinator, for `/health`. */
  readonly version: string;
  /** Rejects, or does not resolve, when the database cannot answer. */
  readonly pingDatabase: () => Promise<void>;
  /** Directory of the web console's files; none is served without it. */
  readonly consoleDirectory?: string | undefined;
  /** Takes over WebSocket upgrades; returns what detaches it. */
  readonly attachProviders: (server: Server) => () => void;
}
