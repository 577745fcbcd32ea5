export type Language = 'python' | 'go' | 'java';

/** What a check cannot do without. */
type Need = 'redis' | Partial<Record<Language, false>>;

/** What each language's client proves, in this order: the block, the check, and where it is left out. */
const all: readonly (readonly [block: string, check: string, ...needs: Need[]])[] = [
  ['start', 'waits until the sidecar is ready'],
  ['state', 'saves, reads and deletes a value'],
  ['state', 'lets only one writer win with an etag'],
  ['state', 'forgets a value after its time to live'],
  ['state', 'saves, reads and deletes several at once'],
  ['state', 'applies a transaction whole or not at all'],
  ['state', 'learns the status and the reason of a failure'],
  ['pub/sub', 'delivers JSON, text and bytes'],
  ['pub/sub', 'delivers what is declared in YAML'],
  ['pub/sub', 'delivers again what the app wants to retry'],
  ['pub/sub', 'delivers once what the app drops'],
  ['pub/sub', 'sends what fails to the dead letter topic'],
  ['pub/sub', 'passes raw payloads'],
  ['pub/sub', 'routes by rule'],
  // the SDK's gRPC service answers UNIMPLEMENTED to events in bulk
  ['pub/sub', 'publishes and delivers in bulk', { go: false }],
  ['pub/sub', 'publishes in bulk', { python: false, java: false }],
  ['pub/sub', 'delivers to an HTTP app'],
  ['pub/sub', 'delivers to an HTTP app what is declared in YAML, in bulk'],
  ['pub/sub', 'learns why an event was not taken'],
  ['streaming', 'takes a topic without a port of its own'],
  ['streaming', 'gets again what it wants to retry'],
  // the SDK has no dead letter topic for it
  ['streaming', 'sends what it drops to the dead letter topic', { java: false }],
  ['streaming', 'a topic can be taken again after its end'],
  ['invocation', 'calls a gRPC app over gRPC'],
  ['invocation', 'calls an HTTP app over gRPC'],
  // the SDK invokes over gRPC only
  ['invocation', 'calls a gRPC app over HTTP', { go: false }],
  ['invocation', 'calls an HTTP app over HTTP', { go: false }],
  ['invocation', 'learns how a call has failed'],
  ['proxying', "calls a method of an app's own service"],
  ['proxying', 'streams to, from and both ways'],
  ['proxying', 'sees statuses and trailers'],
  ['proxying', 'ends a call that its caller has given up'],
  ['secrets', 'reads one and all'],
  ['bindings', 'writes and reads a file'],
  ['bindings', 'the app is told when it is time'],
  ['configuration', 'reads items', 'redis'],
  ['configuration', 'is told of changes until it unsubscribes', 'redis'],
  ['lock', 'is held by one owner at a time', 'redis'],
  ['metadata', 'shows what is loaded and takes an attribute'],
  ['shutdown', 'ends the sidecar'],
];

export function checksOf(language: Language, backend: string): { block: string; check: string }[] {
  return all
    .filter(([, , ...needs]) =>
      needs.every((need) => (need === 'redis' ? backend === 'redis' : need[language] !== false)),
    )
    .map(([block, check]) => ({ block, check }));
}
