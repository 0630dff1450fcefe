-- ARGV: JSON {places: {account: n}, accounts: {lock: account}, fallback: account}. Returns {now, locks to wake, lateness ms}.
local input = cjson.decode(ARGV[1])
local now, woken = clock(), {}
local late = 0

for account, _ in pairs(input.places) do
  local window = PREFIX .. 'window:' .. account
  for _, holder in ipairs(redis.call('ZRANGEBYSCORE', window, '-inf', now)) do
    redis.call('ZREM', window, holder)
    if not string.find(holder, '#', 1, true) then
      place(holder, account_of(input.accounts, holder, input.fallback), now)
    end
  end
end

local due = redis.call('ZRANGEBYSCORE', PREFIX .. 'due', '-inf', now, 'WITHSCORES', 'LIMIT', 0, 1000)
for i = 1, #due, 2 do
  local lock = due[i]
  local account = account_of(input.accounts, lock, input.fallback)
  late = math.max(late, now - tonumber(due[i + 1]))
  if redis.call('ZSCORE', PREFIX .. 'window:' .. account, lock) then
    redis.call('ZREM', PREFIX .. 'due', lock)
  else
    place(lock, account, now)
  end
end

for account, places in pairs(input.places) do admit(account, places, now, woken) end
return {now, woken, late}
