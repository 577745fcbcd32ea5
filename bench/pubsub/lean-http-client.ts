import { connect, type Socket } from 'node:net';

/** Posts JSON on kept connections, one request at a time on each, with as little work as possible: the load, not the subject. */
export class LeanHttpClient {
  readonly #port: number;
  readonly #idle: Connection[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Rejects for an answer outside 2xx. */
  async post(path: string, json: string): Promise<void> {
    const connection = this.#idle.pop() ?? new Connection(this.#port);
    const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n`;
    const status = await connection.exchange(head + json);
    this.#idle.push(connection);
    if (status < 200 || status > 299) throw new Error(`POST ${path} was answered with ${status}`);
  }
}

class Connection {
  readonly #socket: Socket;
  #received = '';
  #settle: { readonly resolve: (status: number) => void; readonly reject: (error: Error) => void } | undefined;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
    this.#socket.on('data', (text: string) => this.#receive(text));
    this.#socket.on('error', (error) => this.#settle?.reject(error));
    this.#socket.on('close', () => this.#settle?.reject(new Error('the connection was closed before the answer')));
  }

  exchange(request: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(request);
    });
  }

  #receive(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#received.slice(0, end + 2))?.[1] ?? 0);
    if (this.#received.length < end + 4 + length) return;
    const status = Number(this.#received.slice(9, 12));
    this.#received = '';
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.resolve(status);
  }
}
