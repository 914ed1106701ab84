import { useCallback, useEffect, useRef, useState } from "react";

/** What a part of a page shows. What was loaded stays while a later try fails. */
export interface Loaded<Value> {
  readonly value: Value | undefined;
  readonly problem: string | undefined;
  /** Again, in place. */
  readonly reload: () => Promise<void>;
}

/** @param load stable while it is about the same thing: another one begins anew */
export function useLoaded<Value>(load: () => Promise<Value>): Loaded<Value> {
  const [value, setValue] = useState<Value>();
  const [problem, setProblem] = useState<string>();
  const latest = useRef(load);
  const reload = useCallback(async () => {
    latest.current = load;
    try {
      const found = await load();
      // What was asked for before says nothing any more.
      if (latest.current !== load) return;
      setValue(() => found);
      setProblem(undefined);
    } catch (error) {
      if (latest.current === load) setProblem(error instanceof Error ? error.message : String(error));
    }
  }, [load]);
  useEffect(() => {
    setValue(undefined);
    setProblem(undefined);
    void reload();
  }, [reload]);
  return { value, problem, reload };
}

interface Page<Row> {
  readonly rows: readonly Row[];
  /** Where the list goes on; null at its end. */
  readonly next: string | number | null;
}

/** A list of which more is loaded on demand. */
export function usePages<Row>(load: (cursor: string | undefined) => Promise<Page<Row>>): Loaded<readonly Row[]> & {
  readonly more: (() => Promise<void>) | undefined;
} {
  const [rest, setRest] = useState<Page<Row>>();
  const first = useLoaded(
    useCallback(async () => {
      const page = await load(undefined);
      setRest(undefined);
      return page;
    }, [load]),
  );
  const [problem, setProblem] = useState<string>();
  const shown = rest ?? first.value;
  const next = shown?.next ?? null;
  const more = async () => {
    try {
      const page = await load(String(next));
      setRest({ rows: [...(shown?.rows ?? []), ...page.rows], next: page.next });
      setProblem(undefined);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return { value: shown?.rows, problem: problem ?? first.problem, reload: first.reload, more: next === null ? undefined : more };
}
