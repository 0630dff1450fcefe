-- ARGV: fingerprint of the property file, when it was modified (ms), JSON {lock: row}, role (0 reads, 1 web, 2 worker),
-- ms that a generation without workers stays the newest. Says which generation the file is, and makes it the newest
-- where none is in its way. Returns {its number (0: none), the newest number, all locks ever named}.
local name, numbers, locks = PREFIX .. 'generation', PREFIX .. 'generations', PREFIX .. 'locks'
local fingerprint, modified, role, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4]), clock()
local newest = tonumber(redis.call('HGET', name, 'number') or 0)
local mine = tonumber(redis.call('HGET', numbers, fingerprint) or 0)
if role > 0 and (newest == 0 or mine ~= newest) then
  -- A file that is known and no younger is an old one on another host, unless nobody works by the newest any more.
  local is_older = mine > 0 and modified <= tonumber(redis.call('HGET', name, 'modified') or 0)
  local seen = tonumber(redis.call('HGET', name, 'seen') or 0)
  if not is_older or now - seen > tonumber(ARGV[5]) then
    newest = newest + 1
    mine = newest
    redis.call('HSET', name, 'number', newest, 'modified', modified, 'seen', now, 'position', 0)
    redis.call('HSET', numbers, fingerprint, newest)
  end
end
if mine == newest and role > 0 then
  if modified > tonumber(redis.call('HGET', name, 'modified')) then redis.call('HSET', name, 'modified', modified) end
  if role == 2 then redis.call('HSET', name, 'seen', now) end
  for lock, row in pairs(cjson.decode(ARGV[3])) do redis.call('HSET', locks, lock, row) end
end
return {mine, newest, redis.call('HGETALL', locks)}
