import { errorMessage } from '@outrigger/core';

import { EventStream } from '../http/event-stream.ts';
import type { Exchange, Route } from '../http/exchange.ts';
import { HttpError } from '../http/http-error.ts';
import type { Instances } from '../instances/instances.ts';
import { tailFile } from './tail-file.ts';

export function logRoutes(instances: Instances): Route[] {
  const follow = async (exchange: Exchange) => {
    const { id = '', name = '' } = exchange.params;
    const { logs = [] } = await instances.find(id);
    const log = logs.find((one) => one.name === name);
    if (log === undefined) throw new HttpError(404, `there is no log ${name}`);
    using stream = new EventStream(exchange);
    try {
      for await (const lines of tailFile(log.path, exchange.signal)) stream.send('lines', lines);
    } catch (error) {
      stream.send('failed', { message: `the log cannot be read: ${errorMessage(error)}` });
    }
  };
  return [{ method: 'GET', path: '/api/instances/:id/logs/:name', handle: follow }];
}
