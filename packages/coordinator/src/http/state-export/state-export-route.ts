import { createReadStream } from "node:fs";
import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import type { Route } from "../route.js";

const RETRY_AFTER_s = 60;

/** Puts an export together, whole and encrypted, in a file that `dispose` removes. @throws when any of it cannot be had; then nothing is left */
export type StateExport = () => Promise<{
  readonly file: string;
  readonly size_bytes: number;
  readonly manifest: { readonly tables: readonly { readonly rows: number }[]; readonly files: readonly unknown[] };
  dispose(): Promise<void>;
}>;

/**
 * Everything that this coordinator consists of, for moving it to another host; there where the operator has switched it on, and a path like any
 * unknown one where not. Nothing is sent before all of it is there. Source: money.md §21.
 */
export function stateExportRoutes({ stateExport, settings, log, clock }: HttpDependencies): readonly Route[] {
  if (!settings.stateExport) return [];
  let isRunning = false;
  return [
    {
      method: "GET",
      url: "/v1/admin/state-export",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Database, keys and secrets of the coordinator, encrypted to the recipients in its settings",
        description: "Takes the operator's key alone, no session. `umbel admin restore` opens it.",
        answer: z.string(),
        errors: [403, 412, 429],
      },
      async handle(request, reply) {
        // It opens everything: a browser that somebody has left open must not fetch it.
        if (principalOf(request).method !== "admin_key")
          throw new ApiError({ status: 403, code: "forbidden", message: "this takes the operator's key, and no session" });
        if (settings.stateExportRecipients.length === 0) {
          const message = "UMBEL_STATE_EXPORT_RECIPIENTS names nobody to encrypt it to";
          throw new ApiError({ status: 412, code: "precondition_failed", message });
        }
        if (isRunning) {
          const message = "an export is under way; wait for its end";
          throw new ApiError({ status: 429, code: "rate_limit_exceeded", message, retryAfter_s: RETRY_AFTER_s });
        }
        isRunning = true;
        try {
          const staged = await stateExport().catch((cause: unknown) => {
            log.error({ err: cause, request_id: request.id }, "the state was not exported");
            throw new ApiError({ status: 500, code: "export_error", message: "the state could not be put together; see the log", cause });
          });
          const { tables, files } = staged.manifest;
          const rows = tables.reduce((sum, table) => sum + table.rows, 0);
          log.info(
            { event: "state_export", tables: tables.length, rows, files: files.length, size_bytes: staged.size_bytes },
            "state exported",
          );
          const stream = createReadStream(staged.file);
          // Also when whoever asked has gone away.
          stream.once("close", () => {
            staged.dispose().catch((error: unknown) => log.error({ err: error }, "an export was not removed"));
          });
          const name = `umbel-state-${Math.floor(clock.date().getTime() / 1_000)}.ndjson.gz.age`;
          return await reply
            .type("application/octet-stream")
            .header("Cache-Control", "no-store")
            .header("Content-Length", staged.size_bytes)
            .header("Content-Disposition", `attachment; filename="${name}"`)
            .send(stream);
        } finally {
          isRunning = false;
        }
      },
    },
  ];
}
