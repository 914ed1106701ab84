import { createHmac } from "node:crypto";
import type { Clock } from "@umbel/protocol";
import type { CostProfile, ProviderView } from "@umbel/routing";
import type { Logger } from "pino";
import type { Settings } from "../../config/index.js";
import type { Metrics } from "../metrics.js";
import { createSink, SINK_CAPACITY } from "../sink.js";
import { type CalibrationRow, type Proposal, proposals } from "./calibration.js";
import { auditOf, evidenceOf, fewViews } from "./evidence.js";
import type { DecisionStore, MachineWork, MachineWorkFilter, NewRow, RowFilter } from "./ports.js";
import { dayOf, decisionOutcome, kindOf, rowOf } from "./row.js";
import type { Attempted, DecisionEnd, DecisionRecord, RequestFacts } from "./types.js";
import { createWriter, type WriterTask } from "./writer.js";

/** Requests whose selections are under way; of more, the one that began first is forgotten. */
export const OPEN_REQUESTS_MAX = 100_000;
/** Of builds that no more machines offer, it is always kept who was not chosen: that is cheap, and each of them has an owner who asks. */
const ALWAYS_LISTED_MAX = 16;
/** Rows written by one statement. */
const BATCH_MAX = 128;
/** Source: ops.md §3.4. */
const CLOSE_ms = 5_000;
const DAY_ms = 24 * 3_600_000;

/** Remembers why requests went where they went. Nothing here waits, throws, or is waited for. */
export interface DecisionRecorder {
  /** A request is about to be dispatched; what follows under its id is told of it. */
  begin(facts: RequestFacts): void;
  /** A machine was, or was not, chosen. */
  record(record: DecisionRecord): void;
  /** An attempt came to its end, while the request may go on with another one. */
  attemptEnded(requestId: string, attempt: number, end: DecisionEnd): void;
  /** The request ended; once. @param attempt the one that answered; default is the last */
  ended(requestId: string, end: DecisionEnd, attempt?: number): void;
}

/** What was recorded. Waits for what has not been written yet. */
export interface DecisionArchive {
  /** Attempts of a request, by our id or the one its consumer was answered under, oldest first; of one account only, if it is given. */
  ofRequest(id: string, accountId?: string): Promise<readonly Attempted[]>;
  /** Rows, latest first. */
  browse(filter: RowFilter): Promise<readonly Attempted[]>;
  /** What went to a machine. */
  workOf(filter: MachineWorkFilter): Promise<MachineWork>;
  /** What answers took since a time, beside what routing had expected, and the coefficients that this speaks against. */
  calibration(since: Date): Promise<{ readonly rows: readonly CalibrationRow[]; readonly proposals: readonly Proposal[] }>;
}

export interface Decisions extends DecisionRecorder, DecisionArchive {
  /** Removes what is older than it may be. */
  sweep(): Promise<void>;
  /** Waits for what has been recorded to be written, but not for a database that does not answer. */
  close(): Promise<void>;
}

export interface DecisionsDependencies {
  readonly store: DecisionStore;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly settings: Pick<Settings, "decisionRetention_days" | "decisionSample">;
  /** The coefficients in use. */
  readonly costProfile: CostProfile;
  /** In [0, 1): chooses the decisions of which more is kept. */
  readonly random: () => number;
  /** Secret of this coordinator, from which digests of accounts are derived; keep it over restarts. */
  readonly secret: Uint8Array;
  /** The view of a connected machine, by session. */
  readonly viewOf: (sessionId: string) => ProviderView | undefined;
  /** Views of the machines that offer a build. */
  readonly viewsOf: (build: string) => Iterable<ProviderView>;
  /** Pseudonym of a machine. */
  readonly publicId: (machineId: string) => string;
}

interface OpenRequest {
  readonly facts: RequestFacts;
  /** Days of the attempts so far. */
  readonly days: Map<number, string>;
  /** By attempt, what more is kept if it fails. */
  readonly evidence: Map<number, () => Partial<NewRow>>;
  /** Of the machine that was chosen last. */
  computeClass: string;
  last: number;
  waits: boolean;
}

export function createDecisions(dependencies: DecisionsDependencies): Decisions {
  const { store, clock, metrics, log, settings, costProfile, secret, random, viewOf, viewsOf, publicId } = dependencies;
  const open = new Map<string, OpenRequest>();
  const sink = createSink<WriterTask>({
    batch_max: BATCH_MAX,
    write: createWriter(store),
    onFailed(error, tasks) {
      metrics.count("decision_records_total", { result: "failed" }, tasks);
      log.error({ err: error, records: tasks }, "records of decisions were not written");
    },
    onDropped(dropped) {
      metrics.count("decision_records_total", { result: "dropped" });
      if (/^10*$/.test(String(dropped))) log.warn({ dropped }, "records of decisions are dropped: the database does not keep up");
    },
  });
  metrics.gauge("decision_records_waiting", () => sink.depth);

  const digestOf = (accountId: string): string => createHmac("sha256", secret).update(accountId).digest("hex");

  function submit(task: WriterTask): void {
    if (sink.submit(task)) metrics.count("decision_records_total", { result: "accepted" });
  }

  function end(requestId: string, attempt: number, { days, evidence }: OpenRequest, end: DecisionEnd): void {
    const day = days.get(attempt);
    const endedAt = clock.date();
    const more = end.finalStatus === "success" ? undefined : evidence.get(attempt);
    evidence.delete(attempt);
    if (day !== undefined) submit({ type: "ended", end: () => ({ requestId, attempt, day, ...more?.(), ...end, endedAt }) });
  }

  function countLeft({ facts, computeClass }: OpenRequest, { committed }: DecisionEnd): void {
    metrics.count("client_gone_total", {
      model: facts.build,
      prompt_bucket: promptBucket(facts.shape.prompt_tokens),
      compute_class: computeClass,
      phase: committed === true ? "after_commit" : "before_first_token",
    });
  }

  return {
    begin(facts) {
      open.set(facts.requestId, { facts, days: new Map(), evidence: new Map(), computeClass: "", last: 0, waits: false });
      if (open.size <= OPEN_REQUESTS_MAX) return;
      const [oldest] = open.keys();
      if (oldest !== undefined) open.delete(oldest);
    },
    record(record) {
      const { requestId, attempt, decision } = record;
      const outcome = decisionOutcome(decision, attempt);
      metrics.count("routing_decisions_total", { outcome, kind: kindOf(record) });
      const request = open.get(requestId);
      if (request === undefined) return;
      const { facts } = request;
      const waited = request.waits;
      const view = decision.winner && viewOf(decision.winner.providerId);
      request.days.set(attempt, dayOf(record.at));
      request.last = attempt;
      request.waits = outcome === "queued";
      request.computeClass = view?.computeClass ?? "";
      const views = fewViews(viewsOf(record.build));
      const evidence = () => evidenceOf(decision, views, publicId);
      const isSmall = views.length > 0 && views.length <= ALWAYS_LISTED_MAX;
      const isSampled = decision.winner === undefined || isSmall || random() < settings.decisionSample;
      if (!isSampled) request.evidence.set(attempt, evidence);
      submit({
        type: "selected",
        row: () => ({
          ...rowOf({ facts, record, waited, view, accountDigest: digestOf(facts.accountId), publicId }),
          // The dearest part of a row, and the one that can be spared when rows pile up.
          audit: sink.depth > SINK_CAPACITY / 2 ? null : auditOf(decision, publicId),
          ...(isSampled ? evidence() : {}),
        }),
      });
    },
    attemptEnded(requestId, attempt, how) {
      const request = open.get(requestId);
      if (request !== undefined) end(requestId, attempt, request, how);
    },
    ended(requestId, how, attempt) {
      const request = open.get(requestId);
      if (request === undefined) return;
      open.delete(requestId);
      if (how.clientOutcome === "left") countLeft(request, how);
      end(requestId, attempt ?? request.last, request, how);
    },
    async ofRequest(id, accountId) {
      await sink.flushed();
      return store.ofRequest(id, accountId === undefined ? undefined : digestOf(accountId));
    },
    async browse(filter) {
      await sink.flushed();
      return store.browse(filter);
    },
    async workOf(filter) {
      await sink.flushed();
      return store.workOf(filter);
    },
    async calibration(since) {
      await sink.flushed();
      const rows = await store.calibration(since);
      return { rows, proposals: proposals(rows, costProfile) };
    },
    async sweep() {
      const kept_ms = settings.decisionRetention_days * DAY_ms;
      const days = await store.removeDaysBefore(dayOf(new Date(clock.date().getTime() - kept_ms)));
      if (days > 0) log.info({ days }, "old records of decisions were removed");
    },
    close() {
      return new Promise((resolve) => {
        const cancel = clock.setTimer(CLOSE_ms, resolve);
        void sink.flushed().then(resolve).finally(cancel);
      });
    },
  };
}

/** Source: ops.md §5.2. */
const PROMPT_BUCKETS = [
  [1_000, "<1k"],
  [4_000, "1-4k"],
  [8_000, "4-8k"],
  [16_000, "8-16k"],
] as const;

function promptBucket(tokens: number): string {
  return PROMPT_BUCKETS.find(([below]) => tokens < below)?.[1] ?? "16k+";
}
