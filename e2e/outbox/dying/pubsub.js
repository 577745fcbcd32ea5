import sqlite from '@outrigger/pubsub-sqlite';
import { defineComponent } from '@outrigger/core';

import { dieAt } from './die-at.js';

/** The broker on SQLite, in a process that may be killed when an event has reached its topic. */
export default defineComponent({
  ...sqlite,
  type: 'pubsub.dying',
  create: async (context) => {
    const broker = await sqlite.create(context);
    const publish = async (request, signal) => {
      await broker.publish(request, signal);
      if (request.topic === 'orders') await dieAt('published');
    };
    return new Proxy(broker, {
      get: (target, name) => {
        const value = name === 'publish' ? publish : target[name];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  },
});
