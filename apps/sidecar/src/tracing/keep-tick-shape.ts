import { createHook } from 'node:async_hooks';

const kept: object[] = [];

/**
 * Keeps `process.nextTick` fast in a process that collects much garbage, as one does that loads a large library.
 *
 * V8 forgets the shape of the objects that Node queues when a collection finds none of them alive; after a few times it gives up on knowing
 * shapes there for good, and each tick takes a microsecond more, of which a request has several. One such object that stays alive keeps
 * the shape. Node hands it out to hooks alone.
 */
export function keepTickShape(): void {
  if (kept.length > 0) return;
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type === 'TickObject') kept.push(resource);
    },
  });
  hook.enable();
  process.nextTick(() => {});
  hook.disable();
}
