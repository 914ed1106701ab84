/** How a worker process ends. The agent tells by these codes what happened, because nothing the worker prints is kept. */
export const WorkerExit = { done: 0, uncaught: 70, brokenPipe: 71, failed: 72, engineSilent: 73 } as const;
