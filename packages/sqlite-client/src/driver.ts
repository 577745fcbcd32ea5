const load = () => process.getBuiltinModule('node:sqlite');

/** Node's own driver. An import of it, even of types only, would load it, and print its warning, before it is wanted. */
export type Driver = ReturnType<typeof load>;
export type DriverDatabase = InstanceType<Driver['DatabaseSync']>;
export type Statement = ReturnType<DriverDatabase['prepare']>;

let loaded: Driver | undefined;

/** Node's SQLite, loaded on first use and without the one warning that Node prints about it. */
export function driver(): Driver {
  loaded ??= loadQuietly();
  return loaded;
}

function loadQuietly(): Driver {
  // oxlint-disable-next-line typescript/unbound-method -- called on `process` below, and put back as it was
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (/\bSQLite\b/.test(String(warning))) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
