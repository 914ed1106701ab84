import path from "node:path";
import { HOPELESS_EXIT_CODES } from "../exit-codes.js";
import { assertOneLine, type ServiceForm, type ServiceSpec } from "./service-form.js";

/** After so many crashes in so long it is started no more: what is wrong does not go away by itself. */
const CRASHES_MAX = 5;
const CRASHES_WITHIN_s = 1_800;
const RESTART_AFTER_s = 30;

/**
 * A unit of the user's own systemd. What would keep the worker from its own network namespace (`RestrictNamespaces`, `PrivateUsers`) or
 * V8 from compiling (`MemoryDenyWriteExecute`) is left out; the worker confines itself further than a unit could.
 */
export function systemdForm(spec: ServiceSpec): ServiceForm {
  const unit = `${spec.name}.service`;
  const systemctl = (...args: string[]) => ({ command: ["systemctl", "--user", ...args] });
  return {
    manager: "systemd (user units)",
    file: { path: path.join(spec.userHome, ".config", "systemd", "user", unit), text: systemdUnit(spec), encoding: "utf8" },
    probe: systemctl("show-environment"),
    install: [systemctl("daemon-reload"), { ...systemctl("reset-failed", unit), isOptional: true }, systemctl("enable", "--now", unit)],
    start: [{ ...systemctl("reset-failed", unit), isOptional: true }, systemctl("start", unit)],
    uninstall: [{ ...systemctl("disable", "--now", unit), isOptional: true }],
    afterRemoval: [systemctl("daemon-reload"), { ...systemctl("reset-failed", unit), isOptional: true }],
    query: systemctl("show", unit, "--property=ActiveState,SubState,Result,MainPID"),
    state({ stdout }) {
      const facts = new Map(stdout.split("\n").map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1).trim()]));
      const [active = "unknown", result = ""] = [facts.get("ActiveState"), facts.get("Result")];
      const pid = Number(facts.get("MainPID") ?? 0);
      return {
        isRunning: active === "active" || active === "activating" || active === "deactivating",
        pid: pid > 0 ? pid : undefined,
        // Failed is what the unit only is when it is not started again.
        hasGivenUp: active === "failed",
        words: `${active} (${facts.get("SubState") ?? "unknown"}${result === "" || result === "success" ? "" : `, ${result}`})`,
      };
    },
    lingering: {
      query: { command: ["loginctl", "show-user", spec.user.name, "--property=Linger", "--value"] },
      isMissing: ({ code, stdout }) => code !== 0 || stdout.trim() !== "yes",
      advice: `It runs while you are logged in. To keep it running when you are not, and start it with the machine: loginctl enable-linger ${spec.user.name}`,
    },
  };
}

export function systemdUnit({ command, stop_s }: ServiceSpec): string {
  assertOneLine(command);
  return `# Written by umbel provider service install; the next install writes it anew.
[Unit]
Description=Umbel provider
StartLimitIntervalSec=${CRASHES_WITHIN_s}
StartLimitBurst=${CRASHES_MAX}

[Service]
Type=exec
ExecStart=${command.map(quoted).join(" ")}
# A provider that was told to stop ends with 0 and stays down.
Restart=on-failure
RestartSec=${RESTART_AFTER_s}
RestartPreventExitStatus=${HOPELESS_EXIT_CODES.join(" ")}
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec=${stop_s}
# The provider starts its worker again by itself.
OOMPolicy=continue
UMask=0077
LimitCORE=0
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
`;
}

/** Specifiers and variables would be expanded inside quotes, too. */
function quoted(argument: string): string {
  const escaped = argument.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("$", "$$$$").replaceAll("%", "%%");
  return `"${escaped}"`;
}
