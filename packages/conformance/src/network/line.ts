import { connect, type Socket } from 'node:net';

/** One client's connection and the one to the server that belongs to it. Starts cut: nothing is forwarded before {@link mend}. */
export class Line {
  readonly #client: Socket;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #ended: () => void;
  #upstream: Socket | undefined;

  /** `ended` is called once, when both sides are closed or were reset. */
  constructor(client: Socket, target: { readonly host: string; readonly port: number }, ended: () => void) {
    this.#client = client;
    this.#target = target;
    this.#ended = ended;
    this.#endsWith(client);
  }

  cut(): void {
    hold(this.#client, this.#upstream);
    if (this.#upstream) hold(this.#upstream, this.#client);
  }

  mend(): void {
    if (this.#client.destroyed) return;
    if (!this.#upstream) {
      this.#upstream = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
      this.#endsWith(this.#upstream);
    }
    release(this.#client, this.#upstream);
    release(this.#upstream, this.#client);
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#upstream?.resetAndDestroy();
    this.#ended();
  }

  #endsWith(socket: Socket): void {
    let failed = false;
    socket.on('error', () => {
      failed = true;
    });
    socket.on('close', () => {
      const other = socket === this.#client ? this.#upstream : this.#client;
      if (failed) this.reset();
      else if (!other || other.destroyed) this.#ended();
    });
  }
}

/** Neither reads from the one nor lets what waits for the other out. */
function hold(from: Socket, to: Socket | undefined): void {
  if (to) from.unpipe(to);
  from.pause();
  // a write that the system has taken is on its way; the rest stays here
  if (from.writableCorked === 0) from.cork();
}

function release(from: Socket, to: Socket): void {
  while (from.writableCorked > 0) from.uncork();
  from.pipe(to);
}
