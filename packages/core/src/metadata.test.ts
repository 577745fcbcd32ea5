import { describe, expect, expectTypeOf, it } from 'vitest';
import { field, type MetadataOf, metadataTable, nearestName, parseMetadata } from './metadata.ts';

const fields = {
  redisHost: field.text({ description: 'Host and port', required: true, aliases: ['host', 'url'] }),
  redisPassword: field.text({ description: 'Password', secret: true }),
  redisDB: field.integer({ description: 'Number of the database', default: 0, min: 0, max: 15 }),
  enableTLS: field.flag({ description: 'Encrypt', default: false }),
  dialTimeout: field.duration({ description: 'How long to wait', default: 5000 }),
  maxLen: field.byteSize({ description: 'Longest value' }),
  redisType: field.oneOf(['node', 'cluster'], { description: 'Kind of server', default: 'node' }),
  topics: field.list({ description: 'Topics', default: [] }),
} as const;

describe('the type that create receives', () => {
  it('has required fields and fields with a default for sure, the rest perhaps', () => {
    expectTypeOf<MetadataOf<typeof fields>['redisHost']>().toEqualTypeOf<string>();
    expectTypeOf<MetadataOf<typeof fields>['redisPassword']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<MetadataOf<typeof fields>['redisDB']>().toEqualTypeOf<number>();
    expectTypeOf<MetadataOf<typeof fields>['enableTLS']>().toEqualTypeOf<boolean>();
    expectTypeOf<MetadataOf<typeof fields>['dialTimeout']>().toEqualTypeOf<number>();
    expectTypeOf<MetadataOf<typeof fields>['maxLen']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<MetadataOf<typeof fields>['redisType']>().toEqualTypeOf<'node' | 'cluster'>();
    expectTypeOf<MetadataOf<typeof fields>['topics']>().toEqualTypeOf<readonly string[]>();
  });

  it('does not let a default of another type stand', () => {
    // @ts-expect-error the default of a whole number is no text
    expectTypeOf(field.integer({ description: 'x', default: '5' })).not.toBeAny();
    // @ts-expect-error "round" is none of the words
    expectTypeOf(field.oneOf(['node', 'cluster'], { description: 'x', default: 'round' })).not.toBeAny();
  });
});

describe('parseMetadata', () => {
  it('turns the texts of the YAML into values and fills in defaults', () => {
    const { values, problems, unknown } = parseMetadata(fields, {
      redisHost: 'localhost:6379',
      redisDB: ' 3 ',
      enableTLS: 'Yes',
      dialTimeout: '1m30s',
      maxLen: '4Mi',
      redisType: 'CLUSTER',
      topics: 'orders, returns,,',
    });
    expect({ problems, unknown }).toEqual({ problems: [], unknown: [] });
    expect(values).toEqual({
      redisHost: 'localhost:6379',
      redisDB: 3,
      enableTLS: true,
      dialTimeout: 90_000,
      maxLen: 4_194_304,
      redisType: 'cluster',
      topics: ['orders', 'returns'],
    });
    expect(parseMetadata(fields, { redisHost: 'h' }).values).toEqual({
      redisHost: 'h',
      redisDB: 0,
      enableTLS: false,
      dialTimeout: 5000,
      redisType: 'node',
      topics: [],
    });
  });

  it('takes names and aliases in any case', () => {
    expect(parseMetadata(fields, { REDISHOST: 'a' }).values.redisHost).toBe('a');
    expect(parseMetadata(fields, { Url: 'b' }).values.redisHost).toBe('b');
  });

  it.each([
    { redisHost: 'own', host: 'alias' },
    { host: 'alias', redisHost: 'own' },
  ])('prefers the own name of a field to its aliases: %j', (properties) => {
    expect(parseMetadata(fields, properties).values.redisHost).toBe('own');
  });

  it('takes an empty value for none', () => {
    expect(parseMetadata(fields, { redisHost: 'h', redisDB: '' }).values.redisDB).toBe(0);
    expect(parseMetadata(fields, { redisHost: '' }).problems).toEqual([
      { field: 'redisHost', message: 'is required (Host and port)' },
    ]);
  });

  it('reports everything that is wrong at once, with what would be right', () => {
    const { problems } = parseMetadata(fields, {
      redisDB: '16',
      enableTLS: 'maybe',
      dialTimeout: 'soon',
      maxLen: 'big',
      redisType: 'ring',
    });
    expect(problems).toEqual([
      { field: 'redisHost', message: 'is required (Host and port)' },
      { field: 'redisDB', message: 'expected 0 to 15' },
      { field: 'enableTLS', message: 'expected true or false' },
      { field: 'dialTimeout', message: 'expected a duration such as "500ms", "5s" or "1m30s"' },
      { field: 'maxLen', message: 'expected a number of bytes such as "1024", "64k" or "4Mi"' },
      { field: 'redisType', message: 'expected one of "node", "cluster"' },
    ]);
  });

  it('never repeats a value, since it may be a secret in the wrong place', () => {
    const properties = Object.fromEntries(Object.keys(fields).map((name) => [name, 'hunter2']));
    const { problems, unknown } = parseMetadata(fields, { ...properties, pasword: 'hunter2' });
    expect(problems.length).toBeGreaterThan(3);
    expect(JSON.stringify([problems, unknown])).not.toContain('hunter2');
  });

  it('reports names it does not know, with the one that was probably meant, and goes on', () => {
    const { problems, unknown } = parseMetadata(
      fields,
      { redisHost: 'h', redisPasword: 'x', somethingElse: 'y', keyPrefix: 'z' },
      new Set(['keyprefix']),
    );
    expect(problems).toEqual([]);
    expect(unknown).toEqual([{ field: 'redisPasword', suggestion: 'redisPassword' }, { field: 'somethingElse' }]);
  });

  it('names the misspelt field where a required one is missing', () => {
    const { problems, unknown } = parseMetadata(fields, { redisHots: 'h', redisPasword: 'x' });
    expect(problems).toEqual([
      {
        field: 'redisHots',
        message: expect.stringMatching(/^is unknown; did you mean redisHost, which is required \(/),
      },
    ]);
    expect(unknown).toEqual([{ field: 'redisPasword', suggestion: 'redisPassword' }]);
  });

  it('is not misled by names that every object has', () => {
    const { unknown } = parseMetadata(fields, { redisHost: 'h', constructor: 'x', toString: 'y' });
    expect(unknown.map((entry) => entry.field)).toEqual(['constructor', 'toString']);
  });
});

describe('single fields', () => {
  it.each(['1.5', '1e3', '0x10', 'ten', '12345678901234567890'])('a whole number is not %s', (text) => {
    expect(() => field.integer({ description: 'x' }).parse(text)).toThrow('expected a whole number');
  });

  it.each([
    [{ min: 1 }, '0', 'expected at least 1'],
    [{ max: 9 }, '10', 'expected at most 9'],
  ])('a number with %j refuses %s', (range, text, message) => {
    expect(() => field.integer({ description: 'x', ...range }).parse(text)).toThrow(message);
  });

  it('counts a bare duration in the unit that the field names', () => {
    expect(field.duration({ description: 'x', plainUnit: 's' }).parse('5')).toBe(5000);
    expect(field.duration({ description: 'x' }).parse('5')).toBe(5);
  });
});

describe('nearestName', () => {
  it('finds a misspelt name and leaves alone what is too far off', () => {
    expect(nearestName('REDISHST', ['redisPort', 'redisHost'])).toBe('redisHost');
    expect(nearestName('banana', ['redisPort', 'redisHost'])).toBeUndefined();
    expect(nearestName('', [])).toBeUndefined();
  });
});

describe('metadataTable', () => {
  it('makes a row for each field, with aliases, type, default and meaning', () => {
    expect(metadataTable({ ...fields, odd: field.text({ description: 'a | b', default: '|' }) }).split('\n')).toEqual([
      '| Field | Type | Default | Meaning |',
      '| --- | --- | --- | --- |',
      '| `redisHost`, `host`, `url` | text | **required** | Host and port |',
      '| `redisPassword` | secret |  | Password |',
      '| `redisDB` | integer | `0` | Number of the database |',
      '| `enableTLS` | flag | `false` | Encrypt |',
      '| `dialTimeout` | duration | `5s` | How long to wait |',
      '| `maxLen` | byte size |  | Longest value |',
      String.raw`| \`redisType\` | node \| cluster | \`node\` | Kind of server |`.replaceAll('\\`', '`'),
      '| `topics` | list |  | Topics |',
      String.raw`| \`odd\` | text | \`"\|"\` | a \| b |`.replaceAll('\\`', '`'),
    ]);
  });

  it('says so when there is nothing to set', () => {
    expect(metadataTable({})).toBe('This component has no metadata fields.');
  });

  it.each([
    [0, '0s'],
    [1500, '1500ms'],
    [30_000, '30s'],
    [120_000, '2m'],
    [7_200_000, '2h'],
  ])('shows a default of %d ms as %s', (milliseconds, shown) => {
    const table = metadataTable({ wait: field.duration({ description: 'x', default: milliseconds }) });
    expect(table).toContain(`| \`${shown}\` |`);
  });
});
