/**
 * The process that traces another and so can read its memory; 0 if none does, undefined where that is not told.
 *
 * @param status as in Linux's `/proc/<pid>/status`
 */
export function tracerOf(status: string | undefined): number | undefined {
  const pid = /^TracerPid:\s*(\d+)/m.exec(status ?? "")?.[1];
  return pid === undefined ? undefined : Number(pid);
}
