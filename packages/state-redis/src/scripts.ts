import { redisScript } from '@outrigger/redis-client';

// An item is a hash with the fields `data` and `version`, or, where the server has RedisJSON and the writer says that the value
// is JSON, a document with these members, as Dapr keeps it; the version counts writes, and is the etag. Plain strings are items
// of an old Dapr: they count as version 0 and become hashes when they are written.

const versionOf = `
local function version_of(key)
  local version = redis.pcall('HGET', key, 'version')
  if type(version) == 'string' then return version end
  if type(version) == 'table' then
    version = redis.pcall('JSON.GET', key, '.version')
    if type(version) == 'string' then return version end
    return '0'
  end
  if redis.call('EXISTS', key) == 1 then return '0' end
  return false
end
`;

// ttl: seconds, 0 for ever. first: '1' when the write must make the item; Dapr marks such items and so do we. format: 'json' for
// a value that is JSON. A value that RedisJSON does not take (too deep, a number too large) is kept as bytes like any other; one
// that it would give back in other bytes (blanks, numbers of many digits) is in the document a second time, as the text it was.
const write = `
local function keep(key, ttl)
  if ttl == '0' then redis.call('PERSIST', key) else redis.call('EXPIRE', key, ttl) end
  return 1
end

local function next_version(key)
  return string.format('%.0f', (tonumber(version_of(key) or '0') or 0) + 1)
end

local function write_document(key, value, first)
  local version = next_version(key)
  local mark = first == '1' and ',"first-write":0}' or '}'
  local document = '{"data":' .. value .. ',"version":' .. version .. mark
  local done = redis.pcall('JSON.SET', key, '$', document)
  if done.err and string.find(done.err, 'wrong', 1, true) then
    redis.call('DEL', key)
    done = redis.pcall('JSON.SET', key, '$', document)
    if done.err then redis.call('HSET', key, 'version', tonumber(version) - 1) end
  end
  if done.err then return false end
  if redis.call('JSON.GET', key, '.data') ~= value then
    redis.call('JSON.SET', key, '.original', cjson.encode(value))
  end
  return true
end

local function write(key, value, ttl, first, format)
  if format == 'json' and write_document(key, value, first) then return keep(key, ttl) end
  local version = redis.pcall('HINCRBY', key, 'version', 1)
  if type(version) == 'table' then
    if string.sub(version.err, 1, 9) ~= 'WRONGTYPE' then return version end
    version = next_version(key)
    redis.call('DEL', key)
    redis.call('HSET', key, 'version', version)
  end
  if first == '1' then
    redis.call('HSET', key, 'data', value, 'first-write', '0')
  else
    redis.call('HSET', key, 'data', value)
  end
  return keep(key, ttl)
end
`;

/** KEYS: key. Gives data, version and the milliseconds left (-1: for ever), or nil when there is nothing. */
export const getScript = redisScript(`
local item = redis.pcall('HMGET', KEYS[1], 'data', 'version')
if item.err then
  local data = redis.pcall('JSON.GET', KEYS[1], '.data')
  if type(data) == 'string' then
    local original = redis.pcall('JSON.GET', KEYS[1], '.original')
    if type(original) == 'string' then data = cjson.decode(original) end
    local version = redis.pcall('JSON.GET', KEYS[1], '.version')
    item = { data, type(version) == 'string' and version }
  else
    item = { redis.call('GET', KEYS[1]), '0' }
  end
end
if not item[1] then return false end
return { item[1], item[2] or '0', redis.call('PTTL', KEYS[1]) }
`);

/** KEYS: key. ARGV: value, ttl, format. */
export const setScript = redisScript(`${versionOf} ${write} return write(KEYS[1], ARGV[1], ARGV[2], '0', ARGV[3])`);

/** KEYS: key. ARGV: value, ttl, format, etag (`''`: there must be no item). Gives 0 when the item is not so. */
export const setIfScript = redisScript(`${versionOf} ${write}
local version = version_of(KEYS[1])
if ARGV[4] == '' then
  if version then return 0 end
  return write(KEYS[1], ARGV[1], ARGV[2], '1', ARGV[3])
end
-- as with Dapr, an etag guards only an item that is there
if version and version ~= ARGV[4] then return 0 end
return write(KEYS[1], ARGV[1], ARGV[2], '0', ARGV[3])
`);

/** KEYS: key. ARGV: etag. Gives 0 when the item does not have it. */
export const deleteIfScript = redisScript(`${versionOf}
if version_of(KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
`);

/**
 * KEYS: the key of each operation. ARGV: five for each, `set` or `delete`, condition (`any`, `absent` or an etag), value, ttl,
 * format. A script that fails half-way leaves what it has written, so everything is checked before anything is done. Gives the
 * number of the operation whose condition does not hold, or 0.
 */
export const transactScript = redisScript(`${versionOf} ${write}
local versions = {}
for index, key in ipairs(KEYS) do
  local at = index * 5 - 4
  local operation, condition = ARGV[at], ARGV[at + 1]
  if versions[key] == nil then versions[key] = version_of(key) end
  local version = versions[key]
  if condition == 'absent' then
    if version then return index end
  elseif condition ~= 'any' and condition ~= version and (version or operation == 'delete') then
    return index
  end
  if operation == 'delete' then
    versions[key] = false
  else
    local number = string.match(version or '0', '^%d+$')
    if not number then return redis.error_reply('ERR the version of an item is not a whole number') end
    versions[key] = string.format('%.0f', tonumber(number) + 1)
  end
end
for index, key in ipairs(KEYS) do
  local at = index * 5 - 4
  if ARGV[at] == 'delete' then
    redis.call('DEL', key)
  else
    write(key, ARGV[at + 2], ARGV[at + 3], ARGV[at + 1] == 'absent' and '1' or '0', ARGV[at + 4])
  end
end
return 0
`);
