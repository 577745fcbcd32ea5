import sqlite from '@outrigger/state-sqlite';
import { defineComponent } from '@outrigger/core';

import { dieAt } from './die-at.js';

/** The store on SQLite, in a process that may be killed on both sides of a transaction and of a removal. */
export default defineComponent({
  ...sqlite,
  type: 'state.dying',
  create: async (context) => {
    const store = await sqlite.create(context);
    const own = {
      transact: async (...args) => {
        await dieAt('handed-over');
        await store.transact(...args);
        await dieAt('committed');
      },
      delete: async (request, signal) => {
        await store.delete(request, signal);
        if (request.key.startsWith('outbox-')) await dieAt('removed');
      },
    };
    return new Proxy(store, {
      get: (target, name) => {
        const value = own[name] ?? target[name];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  },
});
