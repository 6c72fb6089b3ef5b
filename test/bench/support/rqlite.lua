-- For wrk: single inserts into rqlite, rows as sysbench's oltp_insert makes them. Prints `rate`, `p50`, `p99` (ms) and `bad`.
local threads = {}

function setup(thread) table.insert(threads, thread) end

function init()
  bad = 0
  math.randomseed(os.time())
end

local function digits(groups)
  local parts = {}
  for i = 1, groups do parts[i] = string.format('%011d', math.random(0, 99999999999)) end
  return table.concat(parts, '-')
end

function request()
  local body = string.format('[["insert into sbtest1(k, c, pad) values (?, ?, ?)", %d, "%s", "%s"]]',
    math.random(100000), digits(10), digits(5))
  return wrk.format('POST', '/db/execute', {['Content-Type'] = 'application/json'}, body)
end

function response(status, _, body)
  if status ~= 200 or body:find('"error"', 1, true) then bad = bad + 1 end
end

function done(summary, latency)
  local refused = 0
  for _, thread in ipairs(threads) do refused = refused + thread:get('bad') end
  print(string.format('rate %.1f', summary.requests / (summary.duration / 1e6)))
  print(string.format('p50 %.3f', latency:percentile(50) / 1000))
  print(string.format('p99 %.3f', latency:percentile(99) / 1000))
  print(string.format('bad %d', refused))
end
