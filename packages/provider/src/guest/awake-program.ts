import { spawn } from "node:child_process";

export interface AwakeCommand {
  readonly program: string;
  readonly args: readonly string[];
}

/** A program that runs until it is released, or this process ends. */
export interface HeldProgram {
  release(): void;
  /** Resolves when it has ended by itself, or could not be started. */
  readonly ended: Promise<void>;
}

export type StartProgram = (command: AwakeCommand) => HeldProgram;

/**
 * ES_CONTINUOUS with ES_SYSTEM_REQUIRED: the system stays awake, the screen need not. Holds for as long as the thread that said so lives.
 *
 * Source: https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-setthreadexecutionstate
 */
const WINDOWS_SCRIPT = [
  "$kernel = Add-Type -Name Power -Namespace Umbel -PassThru -MemberDefinition '[DllImport(\"kernel32.dll\")] public static extern uint SetThreadExecutionState(uint flags);'",
  "if ($kernel::SetThreadExecutionState([uint32]'0x80000001') -eq 0) { exit 1 }",
  "[void][Console]::In.ReadToEnd()",
].join("; ");

/** Each of them ends with its standard input, and so with whoever holds it. Undefined where no way is known. */
export function awakeCommand(platform: NodeJS.Platform): AwakeCommand | undefined {
  switch (platform) {
    case "linux":
      return {
        program: "systemd-inhibit",
        args: ["--what=sleep:idle", "--who=Umbel", "--why=answers are being computed", "--mode=block", "cat"],
      };
    case "darwin":
      return { program: "/usr/bin/caffeinate", args: ["-i", "/bin/cat"] };
    case "win32":
      return { program: "powershell.exe", args: ["-NoProfile", "-NonInteractive", "-Command", WINDOWS_SCRIPT] };
    default:
      return undefined;
  }
}

export const startSystemProgram: StartProgram = ({ program, args }) => {
  const child = spawn(program, [...args], { stdio: ["pipe", "ignore", "ignore"], windowsHide: true });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  // It may be gone when its input is closed.
  child.stdin.on("error", () => undefined);
  child.unref();
  return { ended, release: () => child.stdin.end() };
};
