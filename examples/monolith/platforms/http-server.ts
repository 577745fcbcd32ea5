import { createServer } from 'node:http';

/** Serves each handler under its path on `APP_PORT` (3000), JSON in and out. Resolves once it listens. */
export async function serve(handlers: Readonly<Record<string, (data: unknown) => Promise<unknown>>>): Promise<void> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? null));
    const handle = async (): Promise<void> => {
      const handler = handlers[request.url ?? ''];
      const body = Buffer.concat(await request.toArray()).toString();
      if (!handler) answer(404, { error: `no ${request.url} here` });
      else answer(200, await handler(body === '' ? undefined : JSON.parse(body)));
    };
    handle().catch((error: unknown) => {
      console.error(error);
      answer(500, { error: String(error) });
    });
  });
  const port = Number(process.env['APP_PORT'] ?? 3000);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  console.log('listening on', port);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
}
