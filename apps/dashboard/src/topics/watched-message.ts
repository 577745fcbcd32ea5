/** A message that came, as the page shows it. */
export interface WatchedMessage {
  readonly id: string;
  readonly topic: string;
  readonly type: string;
  readonly source: string;
  readonly contentType: string;
  readonly text: string;
  readonly base64?: true;
  /** Of the trace it belongs to, where it has one. */
  readonly traceId?: string;
  /** When it came; RFC 3339. */
  readonly at: string;
}
