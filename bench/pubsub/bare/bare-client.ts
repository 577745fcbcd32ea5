/**
 * A broker's client library, used as its own documentation says, with the promises that the component makes: a publish resolves when
 * the broker has taken the message, and a message is acknowledged after its handler.
 */
export interface BareClient {
  publish(topic: string, data: string): Promise<void>;
  publishMany(topic: string, data: readonly string[]): Promise<void>;
  /** Resolves once messages published from now on will be delivered. */
  subscribe(topic: string, handler: (data: string) => Promise<void>): Promise<void>;
}
