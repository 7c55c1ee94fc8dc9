/** Lets the event loop turn once, so that signals are heard between two steps of work that never waits. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
