import { BindingError, type BindingRequest, type Bindings } from '@outrigger/core';
import { type OutputBindings, OutputBindingsBlock } from '@outrigger/runtime';

export interface EchoBindings {
  readonly bindings: OutputBindings;
  /** What the component was asked to do. */
  readonly requests: BindingRequest[];
}

/** The output binding `echo`: `create` gives the data back, `delete` gives nothing, `get` fails as a far server would. */
export function echoBindings(): EchoBindings {
  const requests: BindingRequest[] = [];
  const instance: Bindings = {
    operations: ['create', 'delete', 'get'],
    invoke: async (request) => {
      requests.push(request);
      if (request.operation === 'get') {
        throw new BindingError('not-found', 'received status code 404', { statusCode: '404', 'X-Why': 'gone\u2713' });
      }
      if (request.operation === 'delete') return {};
      return { data: request.data, metadata: { status: '200 OK', 'X-Odd name': 'left out', 'X-Break': 'a\nb' } };
    },
    [Symbol.asyncDispose]: async () => {},
  };
  return { requests, bindings: new OutputBindingsBlock([{ name: 'echo', instance, properties: {} }]) };
}
