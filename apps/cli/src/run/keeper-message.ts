/** One line for the keeper: a process group to end, or a file to remove, when the command is gone; `gone`: no longer. */
export interface KeeperMessage {
  readonly group?: number;
  readonly file?: string;
  readonly gone?: boolean;
}
