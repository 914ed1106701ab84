import { type FormEvent, useState } from "react";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { useLoaded } from "../parts/use-loaded.js";
import { ask } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";

interface Floor {
  readonly min_version: string;
  readonly from: "operator" | "setting";
  readonly set_by: string | null;
  readonly set_at: string | null;
  readonly connected: number;
  readonly excluded: number;
  readonly versions: Readonly<Record<string, number>>;
  readonly runtime_check: "off" | "report" | "enforce";
  readonly unknown_programs: number;
}

const FLOOR = "/v1/admin/providers/floor";
const floorOf = (): Promise<Floor> => ask("GET", FLOOR);

/** Which versions of the provider program machines run, and the oldest that gets requests. */
export function ProgramPage() {
  const floor = useLoaded(floorOf);
  return (
    <Panel title="Provider program" loaded={floor}>
      {(found) => (
        <>
          <p role="status">
            {found.min_version === "" ? "Every version gets requests" : `Machines need version ${found.min_version} to get requests`}
            {found.from === "setting" ? ", as the coordinator's settings say" : ""}.{" "}
            {found.set_at !== null && (
              <>
                Said by {found.set_by} <When at={found.set_at} />.{" "}
              </>
            )}
            {machines(found.excluded, found.connected)} {found.excluded === 1 ? "is" : "are"} too old.
          </p>
          <DataTable
            caption="Connected machines by version"
            rows={Object.entries(found.versions)}
            keyOf={([version]) => version}
            empty="No machine is connected to this coordinator."
            columns={[
              { title: "Version", of: ([version]) => version },
              { title: "Machines", isNumber: true, of: ([, count]) => count.toLocaleString() },
            ]}
          />
          <p className="hint">{programsInWords(found)}</p>
          <FloorForm onSet={floor.reload} />
        </>
      )}
    </Panel>
  );
}

function FloorForm({ onSet }: { readonly onSet: () => Promise<void> }) {
  const { attempt, isBusy, problem } = useAttempt();
  const [planned, setPlanned] = useState<{ readonly version: string } & Floor>();
  const look = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const version = (filledIn(event.currentTarget)["version"] ?? "").trim();
    void attempt(async () => {
      setPlanned({ version, ...(await ask<Floor>("GET", `${FLOOR}?${new URLSearchParams({ min_version: version })}`)) });
    });
  };
  const set = (min_version: string | null) =>
    attempt(async () => {
      await ask("PUT", FLOOR, { min_version });
      setPlanned(undefined);
      await onSet();
    });
  return (
    <form onSubmit={look} aria-label="Oldest version">
      <h3>Oldest version that gets requests</h3>
      <Problem text={problem} />
      <Field
        label="Version"
        name="version"
        pattern="\s*(\d+\.\d+\.\d+(-[0-9A-Za-z.\-]+)?)?\s*"
        title="Such as 1.4.0, or nothing for any"
        hint="Nothing is every version. What changes is counted first."
        onChange={() => setPlanned(undefined)}
      />
      {planned !== undefined && (
        <p role="status" className={planned.excluded > 0 ? "warning" : "good"}>
          {machines(planned.excluded, planned.connected)} would get no requests.
        </p>
      )}
      {planned === undefined ? (
        <button type="submit" disabled={isBusy}>
          Count
        </button>
      ) : (
        <button type="button" disabled={isBusy} onClick={() => set(planned.version)}>
          {planned.version === "" ? "Take every version" : `Ask for ${planned.version}`}
        </button>
      )}{" "}
      <button type="button" className="plain" disabled={isBusy} onClick={() => set(null)}>
        Go by the settings
      </button>
    </form>
  );
}

function machines(count: number, all: number): string {
  return `${count.toLocaleString()} of ${all.toLocaleString()} connected ${all === 1 ? "machine" : "machines"}`;
}

function programsInWords({ runtime_check, unknown_programs, connected }: Floor): string {
  const unknown = `${machines(unknown_programs, connected)} ${unknown_programs === 1 ? "runs" : "run"} a program that is none of the releases`;
  switch (runtime_check) {
    case "off":
      return `${unknown}; nothing follows from that (UMBEL_RUNTIME_CHECK).`;
    case "report":
      return `${unknown}; that is counted, and would leave them without requests under "enforce" (UMBEL_RUNTIME_CHECK).`;
    case "enforce":
      return `${unknown}, and get no requests (UMBEL_RUNTIME_CHECK).`;
  }
}
