import { parseArgs } from 'node:util';

/** What the command was asked to do. */
export interface Arguments {
  /** By name or path. */
  readonly packages: readonly string[];
  /** Only these types of them; empty: all. */
  readonly types: readonly string[];
  readonly name: string | undefined;
  readonly folder: string | undefined;
  readonly socket: string | undefined;
  readonly mode: number;
  readonly verbose: boolean;
}

export const usage = `outrigger-pluggable [options] PACKAGE…

Serves the components of Outrigger packages to Dapr sidecars, as pluggable components on Unix sockets: one socket for each name,
such as mine.sock for state.mine.

  --type TYPE      only this type of the packages; may be repeated
  --name NAME      of the socket; a sidecar calls the components state.NAME and so on
  --folder FOLDER  where sockets are made; default DAPR_COMPONENTS_SOCKETS_FOLDER, else /tmp/dapr-components-sockets
  --socket PATH    the socket, in place of name and folder
  --mode MODE      who may connect, as for chmod; default 600, this user alone
  --verbose        log more
  --help
`;

/** `undefined`: the usage was asked for. Throws an Error that says what is wrong. */
export function parseArguments(args: readonly string[]): Arguments | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      type: { type: 'string', multiple: true },
      name: { type: 'string' },
      folder: { type: 'string' },
      socket: { type: 'string' },
      mode: { type: 'string' },
      verbose: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  if (positionals.length === 0) throw new Error('name a package that holds components');
  const mode = values.mode ?? '600';
  if (!/^0?[0-7]{3}$/.test(mode)) throw new Error(`--mode: expected three octal digits such as 660, not "${mode}"`);
  return {
    packages: positionals,
    types: values.type ?? [],
    name: values.name,
    folder: values.folder,
    socket: values.socket,
    mode: Number.parseInt(mode, 8),
    verbose: values.verbose ?? false,
  };
}
