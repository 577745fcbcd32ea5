const required = ['id', 'source', 'specversion', 'type'];
const optional = [
  'datacontenttype',
  'subject',
  'time',
  'topic',
  'pubsubname',
  'traceid',
  'traceparent',
  'tracestate',
  'expiration',
];

/**
 * The Avro schema of a CloudEvent whose `data` has the given one, with the names and the order that Dapr registers it with: the
 * registry takes another order for another version.
 */
export function envelopeSchema(inner: string): string {
  const nullable = (name: string, type: unknown) => ({ name, type: ['null', type], default: null });
  return JSON.stringify({
    type: 'record',
    name: 'CloudEvent',
    namespace: 'io.cloudevents',
    fields: [
      ...required.map((name) => ({ name, type: 'string' })),
      ...optional.map((name) => nullable(name, 'string')),
      nullable('data', JSON.parse(inner)),
      nullable('data_base64', 'string'),
    ],
  });
}

/** An event whose `data` is JSON in a text gets what the text says; attributes that the envelope's schema does not know go. */
export function withObjectAsData(event: unknown): unknown {
  if (typeof event !== 'object' || event === null) return event;
  const given = event as Readonly<Record<string, unknown>>;
  const known: Record<string, unknown> = {};
  for (const name of [...required, ...optional, 'data', 'data_base64']) {
    if (given[name] !== undefined) known[name] = given[name];
  }
  if (typeof known['data'] === 'string') {
    try {
      known['data'] = JSON.parse(known['data']);
    } catch {
      // a text that is no JSON: the schema says whether it fits
    }
  }
  return known;
}

/** Attributes that are not there are null in Avro, which no CloudEvent has. */
export function withoutNulls(event: unknown): unknown {
  if (typeof event !== 'object' || event === null) return event;
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== null));
}
