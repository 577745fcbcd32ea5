import { defineComponent, field } from '@outrigger/core';
import { CronBinding } from './cron-binding.ts';
import { parseSchedule } from './schedule.ts';

export default defineComponent({
  kind: 'bindings',
  type: 'bindings.cron',
  version: 'v1',
  description: 'Calls the app on a schedule',
  metadata: {
    schedule: field.text({
      description:
        'Five or six cron fields (seconds first), `@every <duration>`, `@yearly`, `@monthly`, `@weekly`, `@daily` or `@hourly`',
      required: true,
      example: '@every 15m',
    }),
  },
  create: async ({ name, metadata, logger }) => new CronBinding(name, parseSchedule(metadata.schedule), logger),
});
