import path from "node:path";
import { assertOneLine, type ServiceForm, type ServiceSpec } from "./service-form.js";
import { escapeXml } from "./xml.js";

/** A task of the Windows Task Scheduler that begins when the user logs on. */
export function windowsTaskForm(spec: ServiceSpec, umbelHome: string): ServiceForm {
  const file = path.win32.join(umbelHome, "provider", `${spec.name}.xml`);
  const schtasks = (...args: string[]) => ({ command: ["schtasks", ...args] });
  return {
    manager: "the Windows Task Scheduler",
    file: { path: file, text: windowsTask(spec), encoding: "utf16le" },
    probe: schtasks("/Query", "/FO", "CSV", "/NH", "/TN", "\\"),
    install: [schtasks("/Create", "/TN", spec.name, "/XML", file, "/F"), schtasks("/Run", "/TN", spec.name)],
    start: [schtasks("/Run", "/TN", spec.name)],
    uninstall: [
      { ...schtasks("/End", "/TN", spec.name), isOptional: true },
      { ...schtasks("/Delete", "/TN", spec.name, "/F"), isOptional: true },
    ],
    afterRemoval: [],
    query: schtasks("/Query", "/TN", spec.name),
    // What it prints of the state is in the system's language; the provider itself says whether it runs.
    state: ({ code }) => ({ isRunning: false, pid: undefined, hasGivenUp: false, words: code === 0 ? "registered" : "not registered" }),
  };
}

export function windowsTask({ command, user }: ServiceSpec): string {
  assertOneLine([...command, user.name]);
  return `\uFEFF<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.3" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Umbel provider. Written by umbel provider service install.</Description></RegistrationInfo>
  <Triggers><LogonTrigger><Enabled>true</Enabled><UserId>${escapeXml(user.name)}</UserId></LogonTrigger></Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>${escapeXml(user.name)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>5</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>conhost.exe</Command>
      <Arguments>${escapeXml(`--headless ${commandLine(command)}`)}</Arguments>
    </Exec>
  </Actions>
</Task>
`;
}

/** A batch file is run by the command interpreter, which takes one pair of quotes away. */
function commandLine(command: readonly string[]): string {
  const line = command.map(quoted).join(" ");
  return command[0]?.endsWith(".cmd") === true ? `cmd.exe /d /s /c "${line}"` : line;
}

/** As programs of Windows take their command line apart: backslashes count only before a quote. */
function quoted(argument: string): string {
  return `"${argument.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}
