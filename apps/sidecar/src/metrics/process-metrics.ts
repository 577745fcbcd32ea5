import { readdir, readFile } from 'node:fs/promises';

import { familyText } from './metrics-text.ts';

const started = Date.now() / 1000 - process.uptime();

/**
 * What the process uses, under the names that Prometheus' own clients give it (no `app_id`, as in Dapr). Read when somebody asks. What
 * the system does not tell is left out: open files and virtual memory are known on Linux alone.
 */
export async function processMetricsText(): Promise<string> {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal } = process.memoryUsage();
  const files = await openFiles();
  const limit = files === undefined ? undefined : await mostOpenFiles();
  const counter = 'counter';
  const gauge = 'gauge';
  return [
    ['process_cpu_seconds_total', counter, 'Total user and system CPU time spent in seconds.', (user + system) / 1e6],
    ['process_resident_memory_bytes', gauge, 'Resident memory size in bytes.', rss],
    ['process_virtual_memory_bytes', gauge, 'Virtual memory size in bytes.', await virtualMemory()],
    ['process_start_time_seconds', gauge, 'Start time of the process since unix epoch in seconds.', started],
    ['process_open_fds', gauge, 'Number of open file descriptors.', files],
    ['process_max_fds', gauge, 'Maximum number of open file descriptors.', limit],
    ['nodejs_heap_size_used_bytes', gauge, 'Process heap size used from Node.js in bytes.', heapUsed],
    ['nodejs_heap_size_total_bytes', gauge, 'Process heap size from Node.js in bytes.', heapTotal],
  ]
    .flatMap((row) => {
      const [name, kind, help, value] = row as [string, 'counter' | 'gauge', string, number | undefined];
      if (value === undefined) return [];
      const series = [{ labels: '', value, bounds: [], counts: undefined }];
      return [familyText({ name, kind, help, bounds: [], series })];
    })
    .join('');
}

async function virtualMemory(): Promise<number | undefined> {
  try {
    const found = /^VmSize:\s+(\d+) kB/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  } catch {
    return undefined; // not Linux
  }
}

async function openFiles(): Promise<number | undefined> {
  try {
    return (await readdir('/proc/self/fd')).length;
  } catch {
    return undefined; // not Linux
  }
}

async function mostOpenFiles(): Promise<number | undefined> {
  try {
    const limits = await readFile('/proc/self/limits', 'utf8');
    const found = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined; // not Linux
  }
}
