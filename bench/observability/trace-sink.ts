import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Takes traces over OTLP as a collector does, and looks into none. */
export class TraceSink implements AsyncDisposable {
  readonly #server: Server;
  readonly #folder = mkdtempSync(join(tmpdir(), 'outrigger-bench-'));

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<TraceSink> {
    const server = createServer((request, response) => {
      request.resume().once('end', () => response.writeHead(200).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TraceSink(server);
  }

  /** Sends a sidecar's traces here. */
  get env(): Readonly<Record<string, string>> {
    return { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}` };
  }

  /** Has a sidecar record this share of the traces that it begins. */
  flags(samplingRate: number): readonly string[] {
    const path = join(this.#folder, `tracing-${samplingRate}.yaml`);
    const spec = `spec: {tracing: {samplingRate: "${samplingRate}"}}`;
    writeFileSync(path, `apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: tracing}\n${spec}\n`);
    return ['--config', path];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
