-- Takes a place in every bucket, or in none.
-- KEYS: the buckets; each holds the microsecond at which it will be empty.
-- ARGV: per bucket, what one request counts for and what the bucket holds, in microseconds.
-- Answers 1 or 0, then each bucket's debt. Redis' clock is the only one: gateways' clocks differ.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local passed, debts = 1, {}
for i, key in ipairs(KEYS) do
    local empty_at = tonumber(redis.call('GET', key) or 0) or 0
    debts[i] = math.max(empty_at - now, 0)
    if debts[i] + ARGV[2 * i - 1] > tonumber(ARGV[2 * i]) then
        passed = 0
    end
end
if passed == 1 then
    for i, key in ipairs(KEYS) do
        debts[i] = debts[i] + ARGV[2 * i - 1]
        redis.call('SET', key, string.format('%.0f', now + debts[i]), 'PX', math.ceil(debts[i] / 1000) + 1)
    end
end
return {passed, unpack(debts)}
