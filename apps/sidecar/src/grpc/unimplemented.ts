import { GrpcError, type MethodDescription, type ServiceMethod, stream, unary } from '@outrigger/grpc';

/** What calls of a method belong to, by a word of its name. The first that fits. */
const areas: readonly (readonly [RegExp, string])[] = [
  [/Actor/, 'actors'],
  [/Workflow/, 'workflows'],
  [/Job/, 'jobs'],
  [/Subtle|Encrypt|Decrypt/, 'cryptography'],
  [/Converse/, 'conversation'],
];

/**
 * The methods of a definition that nobody serves yet, each answered with UNIMPLEMENTED and a message that says what is missing.
 *
 * @param definition of the service, as the protocol compiler makes it
 * @param served what is left out
 */
export function unimplementedMethods(
  definition: {
    readonly fullName: string;
    readonly methods: Readonly<Record<string, MethodDescription<unknown, unknown>>>;
  },
  served: readonly ServiceMethod[],
): readonly ServiceMethod[] {
  const names = new Set(served.map(({ description }) => description.name));
  const missing = Object.values(definition.methods).filter(({ name }) => !names.has(name));
  return missing.map((description) => {
    const refuse = (): never => {
      throw new GrpcError('UNIMPLEMENTED', refusal(definition.fullName, description.name));
    };
    return description.requestStream || description.responseStream
      ? stream(description, async function* () {
          yield refuse();
        })
      : unary(description, refuse);
  });
}

function refusal(service: string, name: string): string {
  const area = areas.find(([word]) => word.test(name))?.[1];
  const missing = area === undefined ? 'the method is' : `${area} ${area.endsWith('s') ? 'are' : 'is'}`;
  return `${missing} not implemented in this version of Outrigger: ${service}/${name} was called`;
}
