import type { CreateModule } from '../module.ts';

/** Says how long an item takes, and ships what was placed. */
export const shipping: CreateModule = (platform) => ({
  name: 'shipping',
  methods: {
    async quote(data) {
      return { days: (data as { item: string }).item === 'canoe' ? 5 : 1 };
    },
  },
  topics: {
    async placed(data) {
      const { id, item } = data as { id: string; item: string };
      console.log('shipping: packs', item, 'in process', process.pid);
      await platform.publish('shipped', { id });
    },
  },
});
