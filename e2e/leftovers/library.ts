import { createRuntime, inProcessApp } from '@outrigger/runtime';

/** A program that uses the engine and is done with it: it has to end by itself. */
const [resourcesPath = ''] = process.argv.slice(2);
const received = Promise.withResolvers<unknown>();
const ticked = Promise.withResolvers<void>();
{
  await using runtime = await createRuntime({
    appId: 'library',
    resourcesPaths: [resourcesPath],
    searchFrom: import.meta.dirname,
    retryComponents: true,
    app: inProcessApp({
      subscribe: [{ pubsubName: 'pubsub', topic: 'orders', handler: ({ data }) => received.resolve(data) }],
      bindings: { ticks: () => ticked.resolve() },
    }),
  });
  await runtime.connectApp();
  await runtime.state('statestore').save([{ key: 'k', value: Buffer.from('"v"') }]);
  await runtime.secrets('secretstore').get('conftestsecret');
  await runtime.pubsub.publish({ pubsubName: 'pubsub', topic: 'orders', data: Buffer.from('{"id":1}') });
  await Promise.all([received.promise, ticked.promise]);
}
process.stdout.write('done\n');
