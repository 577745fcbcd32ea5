/** What the shutdown API can do to this process. */
export interface ShutdownControl {
  /** Begins an orderly stop; returns at once. */
  shutdown(): void;
  /** Ends the process with exit code 1, a moment later, so that the answer gets out. Returns at once. */
  exitNow(): void;
}
