-- The rate budget of one app in one tenant and service, shared by all workers. Time is the server's.
--
-- KEYS[1]  the state, a hash
-- ARGV     verb, value, correction, window (s), initial rate, highest rate (units/s), known rate, ttl (s),
--          documented limit (units in a window; 0 where there is none that holds for every tenant)
--   take       value = units wanted; granted when the wait is 0
--   percent    value = share of the provider's limit in use, as it says (from 0.8)
--   throttled  value = seconds that the provider wants us to wait
-- Answers {seconds to wait, current rate, units used in the window}.
--
-- Where a limit is documented, all of GOAL of it may be used at once, and nothing more until the window has moved on.
-- Elsewhere, until the provider complains, the rate doubles each half second in which somebody had to wait. Its first
-- complaint tells its limit: what we used in the window, divided by the share it names. From then on use
-- stays under GOAL of that limit in any window, the limit grows slowly while it is quiet and shrinks when
-- it is not.
local GOAL, FLOOR, CONFIRMED = 0.85, 2, 0.95
local verb, value, correction = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local window, initial, highest = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local known, ttl, documented = tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9])

local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local second = tonumber(clock[1])

local state, used, oldest, gone = {}, 0, nil, {}
local raw = redis.call('HGETALL', KEYS[1])
for i = 1, #raw, 2 do
  local at = string.match(raw[i], '^u:(%d+)$')
  if not at then
    state[raw[i]] = tonumber(raw[i + 1])
  elseif tonumber(at) + 1 + window <= now then
    table.insert(gone, raw[i])
  else
    used = used + tonumber(raw[i + 1])
    oldest = math.min(oldest or tonumber(at), tonumber(at))
  end
end
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end

if not state.rate then
  state.rate = known > 0 and known or initial
  -- A worker that knows a rate has been here before, so our count of what was used is not complete yet.
  state.counted_from = known > 0 and now + window or now
  state.tokens = math.max(1, state.rate * 0.5)
  state.at, state.paused_until, state.grown, state.cut, state.signal = now, 0, now, 0, 0
end

local function use(units)
  used = used + units
  state.tokens = state.tokens - units
  redis.call('HINCRBYFLOAT', KEYS[1], 'u:' .. second, tostring(units))
end

local function settle()
  if state.limit then
    state.limit = math.max(FLOOR, state.limit)
    if documented > 0 then state.limit = math.min(documented, state.limit) end
    state.rate = math.min(highest, GOAL * state.limit / window)
  end
end

local function grow()
  if not state.limit then
    if now - state.grown < 0.5 then return end
    state.rate = math.min(highest, state.rate * 2)
  else
    if now - state.grown < 1 or now - state.signal < window then return end
    state.limit = state.limit + math.max(2, 0.1 * state.limit)
  end
  state.grown = now
  settle()
end

local function take()
  if now < state.paused_until then return state.paused_until - now end
  local capacity = math.max(1, state.rate * 0.5)
  state.tokens = math.min(capacity, state.tokens + (now - state.at) * state.rate)
  state.at = now
  -- Our count is complete, and the provider said nothing else than what is documented: that limit alone decides.
  local confirmed = not state.limit or state.limit >= CONFIRMED * documented
  local free = documented > 0 and confirmed and now >= state.counted_from
  if free then state.tokens = capacity + value end
  local wait = math.max(0, (math.min(value, capacity) - state.tokens) / state.rate)
  local limit = state.limit or documented
  if limit > 0 and used > 0 and used + value > GOAL * limit then
    wait = math.max(wait, oldest + 1 + window - now)
  end
  if wait > 0 then grow() else use(value) end
  return wait
end

-- What the provider's share of use says about its limit, unless our own count is not complete yet.
local function learn(share)
  local counted = now >= state.counted_from and used > 0
  if counted then state.limit = math.min(state.limit or used / share, used / share) end
  if now - state.cut >= 1 and (share > GOAL or not counted) then
    state.limit = (state.limit or state.rate * window) * (counted and GOAL / share or 0.7)
    state.cut = now
  end
  if share >= 0.95 then state.paused_until = math.max(state.paused_until, now + 1) end
end

-- A 429 without a warning before: somebody else's use, or a limit that is not announced. Where nothing is
-- known yet, what we used is only a hint: one stray 429 must not bring a run to a standstill.
local function back_off(pause)
  -- Answers to requests that were already on their way are one complaint, not many.
  if now - state.cut >= 1 then
    state.limit = 0.7 * (state.limit or math.max(used, initial * window / 7))
    state.cut = now
  end
  state.paused_until = math.max(state.paused_until, now + pause)
end

if correction ~= 0 then use(correction) end
local wait = 0
if verb == 'take' then
  wait = take()
else
  if verb == 'percent' then learn(value) else back_off(value) end
  state.tokens = math.min(state.tokens, 0)
  state.signal = now
  settle()
end

for name, number in pairs(state) do redis.call('HSET', KEYS[1], name, string.format('%.6f', number)) end
redis.call('EXPIRE', KEYS[1], ttl)
return {string.format('%.6f', wait), string.format('%.6f', state.rate), string.format('%.6f', used)}
