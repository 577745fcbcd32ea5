import { randomBytes, randomUUID } from 'node:crypto';

const run = randomUUID().slice(0, 8);

/** The secrets of one run of the tests, and where each store keeps them. Their values are nowhere else. */
export const login = {
  /** By name; each holds one value under its own name. `admin` is denied to the app. */
  secrets: {
    login: `paddle-${randomUUID()}`,
    admin: `rudder-${randomUUID()}`,
    statekey: randomBytes(32).toString('hex'),
  },
  /** A folder or namespace of this run, where a store has such. */
  folder: `login-${run}`,
} as const;

/** What the YAML reads. */
export const environment: Readonly<Record<string, string>> = {
  TEST_LOGIN_FOLDER: login.folder,
  TEST_LOGIN_PATH: `/${login.folder}/`,
  ...Object.fromEntries(Object.entries(login.secrets).map(([name, value]) => [`TEST_LOGIN_${name}`, value])),
};
