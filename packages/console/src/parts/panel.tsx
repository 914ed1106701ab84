import { type ReactNode, useId } from "react";
import { Problem } from "../people/problem.js";
import type { Loaded } from "./use-loaded.js";

interface PanelProps<Value> {
  readonly title: string;
  readonly loaded: Loaded<Value>;
  readonly children: (value: Value) => ReactNode;
  /** Beside the title. */
  readonly actions?: ReactNode;
}

/** A part of a page in its states: on its way, there, there but out of date, or not to be had. One that fails leaves the others alone. */
export function Panel<Value>({ title, loaded, children, actions }: PanelProps<Value>) {
  const id = useId();
  const { value, problem, reload } = loaded;
  return (
    <section className="card" aria-labelledby={id} aria-busy={value === undefined && problem === undefined}>
      <div className="head">
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      {problem !== undefined && (
        <>
          <Problem text={value === undefined ? problem : `${problem} What is shown is from before.`} />
          <button type="button" className="plain" onClick={reload}>
            Try again
          </button>
        </>
      )}
      {value === undefined ? problem === undefined && <p className="hint loading">On its way…</p> : children(value)}
    </section>
  );
}
