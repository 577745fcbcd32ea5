import { createRuntime, inProcessApp, type Runtime } from '@outrigger/runtime';
import type { CreateModule, Module, Platform } from '../module.ts';

/**
 * Modules of one process, each with a runtime of its own under the module's name: what it keeps stays its own, and is still its own
 * on the day it leaves. A call from one to another is a call of a function. Ends all at Ctrl-C.
 */
export async function runInProcess(creates: readonly CreateModule[]): Promise<readonly Module[]> {
  const modules = new Map<string, Module>();
  const runtimes: Runtime[] = [];
  for (const create of creates) {
    // a module is there before its runtime, which is asked for with each use
    const module = create(platformOver(() => runtime, modules));
    modules.set(module.name, module);
    const subscribe = Object.entries(module.topics).map(([topic, handle]) => ({
      pubsubName: 'pubsub',
      topic,
      handler: async ({ data }: { readonly data?: unknown }) => handle(data),
    }));
    const runtime: Runtime = await createRuntime({
      appId: module.name,
      resourcesPaths: ['resources'],
      app: inProcessApp({ subscribe }),
    });
    runtimes.push(runtime);
  }
  for (const runtime of runtimes) await runtime.connectApp();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void Promise.all(runtimes.map((runtime) => runtime[Symbol.asyncDispose]())));
  }
  return [...modules.values()];
}

function platformOver(runtime: () => Runtime, modules: ReadonlyMap<string, Module>): Platform {
  return {
    async save(key, value) {
      await runtime()
        .state('statestore')
        .save([{ key, value: Buffer.from(JSON.stringify(value)) }]);
    },
    async load(key) {
      const item = await runtime().state('statestore').get(key);
      return item && (JSON.parse(Buffer.from(item.value).toString()) as unknown);
    },
    async publish(topic, data) {
      const event = { pubsubName: 'pubsub', topic, data: Buffer.from(JSON.stringify(data)) };
      await runtime().pubsub.publish({ ...event, contentType: 'application/json' });
    },
    async call(module, method, data) {
      const handler = modules.get(module)?.methods[method];
      if (!handler) throw new Error(`there is no ${module}.${method}`);
      return handler(data);
    },
  };
}
