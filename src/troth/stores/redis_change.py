"""Changing one key of Redis or Valkey: all of it at once, or nothing where something else stands there.

A script runs on the server as one step, on one key, so it works in a cluster.  It first
compares every value with what was read; a value that is already as it should be is no
difference, so saying it again does no harm.  Expiry stays: of the key, and of its fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from troth.stores.gather import Changed
from troth.stores.redis_keys import ITEM, Keys

KEPT = b"troth:kept"
"""The field that keeps a hash, and its expiry, while all of its own are set aside."""
SCRIPT = """
local key = KEYS[1]
local function value(marked)
  if string.sub(marked, 1, 1) == '+' then return string.sub(marked, 2) end
  return false
end
local function same(now, before, after) return now == before or now == after end
local function field_kept(field, after)
  local seen, left = pcall(redis.call, 'HPEXPIRETIME', key, 'FIELDS', 1, field)
  redis.call('HSET', key, field, after)
  if seen and type(left) == 'table' and tonumber(left[1]) and tonumber(left[1]) > 0 then
    redis.call('HPEXPIREAT', key, left[1], 'FIELDS', 1, field)
  end
end
local verbs = {
  string = {
    fits = function(a) local now = redis.call('GET', key); return not now or same(now, value(a[1]), value(a[2])) end,
    run = function(a)
      if redis.call('EXISTS', key) == 0 then return end
      local after = value(a[2])
      if after then redis.call('SET', key, after, 'KEEPTTL') else redis.call('DEL', key) end
    end },
  gone = {
    fits = function(a)
      if redis.call('EXISTS', key) == 0 then return true end
      for n = 1, #a, 2 do
        if redis.call('HGET', key, a[n]) ~= value(a[n + 1]) then return false end
      end
      return true
    end,
    run = function(a) redis.call('DEL', key) end },
  field = {
    fits = function(a)
      local now = redis.call('HGET', key, a[1])
      return redis.call('EXISTS', key) == 0 or same(now, value(a[2]), value(a[3]))
    end,
    run = function(a)
      if redis.call('EXISTS', key) == 0 then return end
      local after = value(a[3])
      if after then
        if redis.call('HGET', key, a[1]) ~= after then field_kept(a[1], after) end
      else redis.call('HDEL', key, a[1]) end
    end },
  kept = {
    fits = function(a)
      return redis.call('EXISTS', key) == 1 and same(redis.call('HGET', key, a[1]), value(a[2]), value(a[3]))
    end,
    run = function(a)
      local after = value(a[3])
      if after then
        if redis.call('HGET', key, a[1]) ~= after then field_kept(a[1], after) end
        redis.call('HDEL', key, 'troth:kept')
      else
        if redis.call('HLEN', key) == 1 and redis.call('HEXISTS', key, a[1]) == 1 then
          redis.call('HSET', key, 'troth:kept', '1')
        end
        redis.call('HDEL', key, a[1])
      end
    end },
  set = {
    fits = function(a) return true end,
    run = function(a)
      local after = value(a[2])
      if after and redis.call('SISMEMBER', key, value(a[1])) == 1 then redis.call('SADD', key, after) end
      redis.call('SREM', key, value(a[1]))
    end },
  zset = {
    fits = function(a) return true end,
    run = function(a)
      local after, score = value(a[2]), redis.call('ZSCORE', key, value(a[1]))
      if after and score then redis.call('ZADD', key, score, after) end
      redis.call('ZREM', key, value(a[1]))
    end },
  list = {
    fits = function(a) return true end,
    run = function(a)
      local before, after = value(a[1]), value(a[2])
      if not after then redis.call('LREM', key, 0, before); return end
      for n, element in ipairs(redis.call('LRANGE', key, 0, -1)) do
        if element == before then redis.call('LSET', key, n - 1, after) end
      end
    end },
  stream = {
    fits = function(a) return true end,
    run = function(a) redis.call('XDEL', key, value(a[1])) end },
}
local at, calls = 1, {}
while at <= #ARGV do
  local count, arguments = tonumber(ARGV[at + 1]), {}
  for n = 1, count do arguments[n] = ARGV[at + 1 + n] end
  calls[#calls + 1] = { verbs[ARGV[at]], arguments }
  at = at + 2 + count
end
for _, call in ipairs(calls) do if not call[1].fits(call[2]) then return 0 end end
for _, call in ipairs(calls) do call[1].run(call[2]) end
return 1
"""

Call = tuple[str, tuple[bytes, ...]]


def calls(keys: Keys, changed: Changed, *, kept: bool) -> Iterator[Call]:
    """Yield what the script is told for one row; `kept` where a hash stays though its fields go."""
    before, after = changed.before, changed.after
    match keys.holds:
        case "string":
            new = b"-" if after is None else marked(after.get("value"))
            yield "string", (marked(before["value"]), new)
        case "hash":
            if after is None:
                seen = ((raw(name), marked(value)) for name, value in fields(keys, before).items())
                yield "gone", tuple(part for pair in seen for part in pair)
            else:
                for name, value in after.items():
                    yield "kept" if kept else "field", (raw(name), marked(before[name]), marked(value))
        case "fields":
            new = b"-" if after is None else marked(after.get("value"))
            yield "field", (raw(before["field"]), marked(before["value"]), new)
        case "stream":
            yield "stream", (marked(before["entry"]),)
        case holds:
            name = ITEM[holds][0]
            yield holds, (marked(before[name]), b"-" if after is None else marked(after.get(name)))


def arguments(several: list[Call]) -> list[bytes]:
    """Write calls as the script reads them."""
    found: list[bytes] = []
    for verb, given in several:
        found += [verb.encode(), str(len(given)).encode(), *given]
    return found


def fields(keys: Keys, row: Mapping[str, object]) -> dict[str, object]:
    """Return the columns of a row that are fields of its hash."""
    return {name: value for name, value in row.items() if name not in keys.template.gaps}


def raw(value: object) -> bytes:
    """Return a value as bytes."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def marked(value: object) -> bytes:
    """Return a value as bytes after a plus, or a minus for none."""
    return b"-" if value is None else b"+" + raw(value)
