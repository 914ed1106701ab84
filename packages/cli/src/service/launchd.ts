import path from "node:path";
import { assertOneLine, type ServiceForm, type ServiceSpec } from "./service-form.js";
import { escapeXml } from "./xml.js";

const RESTART_AFTER_s = 30;

/** An agent of the user's session on a Mac. */
export function launchdForm(spec: ServiceSpec): ServiceForm {
  const label = `umbel.${spec.name}`;
  const domain = `gui/${spec.user.id}`;
  const service = `${domain}/${label}`;
  const file = path.posix.join(spec.userHome, "Library", "LaunchAgents", `${label}.plist`);
  const bootout = { command: ["launchctl", "bootout", service], isOptional: true };
  return {
    manager: "launchd (agents of your session)",
    file: { path: file, text: launchdPlist(spec), encoding: "utf8" },
    probe: { command: ["launchctl", "print", domain] },
    install: [bootout, { command: ["launchctl", "bootstrap", domain, file] }],
    start: [{ command: ["launchctl", "kickstart", service] }],
    uninstall: [bootout],
    afterRemoval: [],
    query: { command: ["launchctl", "print", service] },
    state({ code, stdout }) {
      const state = /^\s*state = (.+)$/m.exec(stdout)?.[1] ?? (code === 0 ? "unknown" : "not loaded");
      const pid = Number(/^\s*pid = (\d+)$/m.exec(stdout)?.[1] ?? 0);
      return { isRunning: state === "running", pid: pid > 0 ? pid : undefined, hasGivenUp: false, words: state };
    },
  };
}

export function launchdPlist({ name, command, crashLog, stop_s }: ServiceSpec): string {
  assertOneLine([name, ...command, crashLog]);
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by umbel provider service install; the next install writes it anew. -->
<plist version="1.0">
<dict>
  <key>Label</key><string>${escapeXml(`umbel.${name}`)}</string>
  <key>ProgramArguments</key>
  <array>
${command.map((argument) => `    <string>${escapeXml(argument)}</string>`).join("\n")}
  </array>
  <key>RunAtLoad</key><true/>
  <!-- A provider that was told to stop ends with 0 and stays down. -->
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ThrottleInterval</key><integer>${RESTART_AFTER_s}</integer>
  <key>ExitTimeOut</key><integer>${stop_s}</integer>
  <key>Umask</key><integer>63</integer>
  <key>HardResourceLimits</key><dict><key>Core</key><integer>0</integer></dict>
  <key>StandardOutPath</key><string>${escapeXml(crashLog)}</string>
  <key>StandardErrorPath</key><string>${escapeXml(crashLog)}</string>
</dict>
</plist>
`;
}
