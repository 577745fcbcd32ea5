import type { Runtime } from '@outrigger/runtime';

import { ProtoJson } from '../../http/proto-json.ts';
import { replyJson } from '../../http/reply.ts';
import type { HttpExchange, Route } from '../../http/route.ts';
import { unlockStatus } from './unlock-status.ts';

/** The routes of the distributed lock building block. */
export function lockRoutes(runtime: Pick<Runtime, 'lock'>): Route[] {
  const storeOf = ({ params }: HttpExchange) => runtime.lock(params[0] ?? '');

  const tryLock = async (exchange: HttpExchange) => {
    const message = new ProtoJson(await exchange.body());
    const request = { ...lockOf(message), expiryInSeconds: message.int32('expiryInSeconds') };
    const success = await storeOf(exchange).tryLock(request, exchange.signal());
    replyJson(exchange, 200, { success });
  };

  const unlock = async (exchange: HttpExchange) => {
    const request = lockOf(new ProtoJson(await exchange.body()));
    const outcome = await storeOf(exchange).unlock(request, exchange.signal());
    replyJson(exchange, 200, { status: unlockStatus[outcome] });
  };

  const methods = ['POST'];
  return [
    {
      methods,
      pattern: '/v1.0-alpha1/lock/{store}',
      api: { name: 'lock', version: 'v1alpha1' },
      operation: 'TryLock',
      handle: tryLock,
    },
    {
      methods,
      pattern: '/v1.0-alpha1/unlock/{store}',
      api: { name: 'unlock', version: 'v1alpha1' },
      operation: 'Unlock',
      handle: unlock,
    },
  ];
}

function lockOf(message: ProtoJson) {
  return { resourceId: message.text('resourceId'), owner: message.text('lockOwner') };
}
