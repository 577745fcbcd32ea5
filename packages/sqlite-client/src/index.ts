export type { SqliteDatabase } from './database.ts';
export type { Statement } from './driver.ts';
export { sqliteFields, type SqliteMetadata } from './fields.ts';
export { identifier, migrate, type Migrations } from './migrate.ts';
export { openSqlite, type SqliteContext } from './open.ts';
