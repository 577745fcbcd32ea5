import type { CreateModule } from '../module.ts';

interface Order {
  readonly id: string;
  readonly item: string;
  readonly days?: number;
  readonly shipped?: boolean;
}

/** Takes orders and knows what has become of them. */
export const orders: CreateModule = (platform) => ({
  name: 'orders',
  methods: {
    async place(data) {
      const { id, item } = data as Order;
      const { days } = (await platform.call('shipping', 'quote', { item })) as { days: number };
      const order: Order = { id, item, days, shipped: false };
      await platform.save(id, order);
      await platform.publish('placed', order);
      return order;
    },
    async show(data) {
      return platform.load((data as Order).id);
    },
  },
  topics: {
    async shipped(data) {
      const { id } = data as Order;
      const order = (await platform.load(id)) as Order;
      await platform.save(id, { ...order, shipped: true });
      console.log('orders: shipped', id);
    },
  },
});
