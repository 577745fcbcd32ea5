import { freePorts } from '../processes/ports.ts';

/** The ports that pages may name. What a page names and this list does not is no port of a process that a page starts. */
const named = [3000, 3001, 3002, 3500, 3501, 50001, 50002, 6379, 8080, 9090, 9091];

/** Another port for each that a page names, so that pages run beside each other and beside what the machine runs. */
export class PagePorts {
  readonly #moved: ReadonlyMap<string, string>;

  private constructor(moved: ReadonlyMap<string, string>) {
    this.#moved = moved;
  }

  static async choose(): Promise<PagePorts> {
    // the commands of a page take free ports themselves, while these are not yet listened on
    const free = await freePorts(named.length, 20_000);
    return new PagePorts(new Map(named.map((port, index) => [String(port), String(free[index])])));
  }

  /** Where what stands on the page as `port` is. */
  of(port: number): string {
    return this.move(String(port));
  }

  move(text: string): string {
    return text.replaceAll(/(?<![\d.])\d{4,5}(?![\d.]*\d)/g, (number) => this.#moved.get(number) ?? number);
  }
}
