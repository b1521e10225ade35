# Dalli, Ruby's usual client: the binary protocol, and from its version 3.2 on the meta commands.
#
# usage: use_dalli.rb [--meta] HOST:PORT ...      $UNIX_SOCKET: the path of another server's socket
#
# In $DALLI_LIBRARY can be the directory of a Dalli that is not the system's.  With a SASL_USER, who has
# the SASL_PASSWORD, only that is tried which needs a login, and that the server asks for one.
$LOAD_PATH.unshift(ENV['DALLI_LIBRARY']) if ENV['DALLI_LIBRARY']
begin
  require 'dalli'
rescue LoadError => e
  puts "skipped: #{e.message}"
  exit 77
end

META = ARGV.first == '--meta' && ARGV.shift ? true : false
SERVERS = ARGV.dup.freeze
# By meta commands, Dalli 3.2 reads a value up to its first line end, whatever its length: there are none.
LINE_END = META ? '--' : "\r\n"
RANDOM = Random.new(1).bytes(900_000).gsub("\r\n".b, LINE_END) # no compression makes it shorter
EVENTUALLY_S = 20 # what waits for time to pass asks for so long: a busy machine may be late
Dalli.logger.level = Logger::FATAL
$stdout.sync = true
$passed = $failed = 0

def check(what, got, want)
  good = got == want
  good ? $passed += 1 : $failed += 1
  puts "#{good ? 'ok  ' : 'FAIL'}  #{what}"
  puts "      got  #{got.inspect[0, 300]}\n      want #{want.inspect[0, 300]}" unless good
end

def eventually(what)
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + EVENTUALLY_S
  sleep 0.05 until (done = yield) || Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
  check(what, done, true)
end

def raises(what, error)
  got = begin
    yield
  rescue StandardError => e
    e.class
  end
  check(what, got, error)
end

def client(servers, **options)
  options[:protocol] = :meta if META
  Dalli::Client.new(servers, { socket_timeout: 10, socket_failure_delay: 0.1 }.merge(options))
end

# Dalli answers true, or the item's unique; and false, nil, or no unique.
def done?(value)
  value ? value != 0 : false
end

# ---- what is tried ----

def values(name, dc)
  check("#{name}: flush", dc.flush.all?, true)
  check("#{name}: a miss", dc.get('nothing'), nil)
  all = ['text', '', 'ü' * 100, 42, 1 << 70, 2.5, nil, true, [1, { 'a' => :b }], RANDOM]
  all.each_with_index do |value, i|
    check("#{name}: set #{value.inspect[0, 20]}", done?(dc.set("v#{i}", value)), true)
    check("#{name}: get #{value.inspect[0, 20]}", dc.get("v#{i}"), value)
  end
  bytes = (0..255).map(&:chr).join.b + "\r\nEND\r\nHD\r\n\0".gsub("\r\n", LINE_END)
  check("#{name}: set bytes of every kind", done?(dc.set('bytes', bytes, nil, raw: true)), true)
  check("#{name}: get them", dc.get('bytes', raw: true).b, bytes)
  check("#{name}: set of what is not text as a key", done?(dc.set('ключ', 'value')), true)
  check("#{name}: get of it", dc.get('ключ'), 'value')
end

def stores(name, dc)
  check("#{name}: add", done?(dc.add('key', 'one')), true)
  check("#{name}: add of what is there", done?(dc.add('key', 'two')), false)
  check("#{name}: it is as it was", dc.get('key'), 'one')
  check("#{name}: replace", done?(dc.replace('key', 'three')), true)
  check("#{name}: replace of nothing", done?(dc.replace('nothing', 'x')), false)
  check("#{name}: the new value", dc.get('key'), 'three')
  check("#{name}: delete", done?(dc.delete('key')), true)
  check("#{name}: delete of nothing", done?(dc.delete('key')), false)
  check("#{name}: it is gone", dc.get('key'), nil)
  check("#{name}: set raw", done?(dc.set('a', 'mid', nil, raw: true)), true)
  check("#{name}: append", done?(dc.append('a', 'end')), true)
  check("#{name}: prepend", done?(dc.prepend('a', 'start')), true)
  check("#{name}: what came together", dc.get('a', raw: true), 'startmidend')
  check("#{name}: append to nothing", done?(dc.append('nothing', 'x')), false)
  check("#{name}: fetch makes it", dc.fetch('made') { 'fresh' }, 'fresh')
  check("#{name}: fetch finds it", dc.fetch('made') { 'other' }, 'fresh')
end

def numbers(name, dc)
  check("#{name}: incr of nothing", dc.incr('no', 1), nil)
  check("#{name}: incr with a default", dc.incr('n', 1, nil, 10), 10)
  check("#{name}: incr", dc.incr('n', 32), 42)
  check("#{name}: decr", dc.decr('n', 2), 40)
  check("#{name}: decr below 0", dc.decr('n', 100), 0)
  check("#{name}: the number", dc.get('n', raw: true).to_i, 0)
  check("#{name}: a large one", dc.incr('large', 1, nil, 2**64 - 2), 2**64 - 2)
  check("#{name}: one more", dc.incr('large', 1), 2**64 - 1)
end

def uniques(name, dc)
  dc.set('c', 'one')
  check("#{name}: cas", done?(dc.cas('c') { |value| "#{value} two" }), true)
  check("#{name}: the value", dc.get('c'), 'one two')
  check("#{name}: cas of nothing", dc.cas('nothing') { 'x' }, nil)
  lost = dc.cas('c') { |_| dc.set('c', 'somebody') && 'late' }
  check("#{name}: cas after somebody else", done?(lost), false)
  check("#{name}: that one's value", dc.get('c'), 'somebody')
  value, unique = dc.get_cas('c')
  check("#{name}: get_cas", value, 'somebody')
  check("#{name}: set_cas, the right unique", done?(dc.set_cas('c', 'new', unique)), true)
  check("#{name}: set_cas, the old unique", done?(dc.set_cas('c', 'newer', unique)), false)
  check("#{name}: delete_cas, the old unique", done?(dc.delete_cas('c', unique)), false)
  check("#{name}: it is there", dc.get('c'), 'new')
  check("#{name}: delete_cas", done?(dc.delete_cas('c', dc.get_cas('c')[1])), true)
  check("#{name}: it is gone", dc.get('c'), nil)
end

# In the block of quiet (Dalli calls it multi before 3.2), commands get no answers.
def multis(name, dc)
  all = (1..500).to_h { |i| ["m#{i}", "value #{i}"] }
  quiet = dc.respond_to?(:quiet) ? :quiet : :multi
  dc.public_send(quiet) { all.each { |key, value| dc.set(key, value) } }
  check("#{name}: get_multi of 500 that were set without answers", dc.get_multi(*all.keys), all)
  check("#{name}: get_multi with misses", dc.get_multi('no', 'm1', 'no2'), { 'm1' => 'value 1' })
  seen = dc.get_multi_cas(*all.keys).to_h { |key, (value, unique)| [key, [value, unique.positive?]] }
  check("#{name}: get_multi_cas", seen, all.transform_values { |value| [value, true] })
  dc.public_send(quiet) do
    all.keys.first(250).each { |key| dc.delete(key) }
    100.times { dc.incr('quiet', 1, nil, 1) }
    dc.add('m300', 'not stored')
    dc.replace('nothing', 'not stored')
  end
  check("#{name}: half of them are deleted", dc.get_multi(*all.keys), all.drop(250).to_h)
  check("#{name}: a hundred quiet incrs", dc.get('quiet', raw: true).to_i, 100)
end

def times(name, dc)
  dc.set('soon', 'x', 1)
  dc.set('later', 'there', 1000)
  eventually("#{name}: an item of one second ends") { dc.get('soon').nil? }
  check("#{name}: one of a thousand does not", dc.get('later'), 'there')
  check("#{name}: touch", done?(dc.touch('later', 2000)), true)
  check("#{name}: touch of nothing", done?(dc.touch('nothing', 2000)), false)
  check("#{name}: gat", dc.gat('later', 1), 'there')
  eventually("#{name}: an item ends after gat to one second") { dc.get('later').nil? }
  check("#{name}: gat of nothing", dc.gat('nothing', 1), nil)
end

def limits(name, dc)
  raises("#{name}: two megabytes", Dalli::ValueOverMaxSize) { dc.set('big', RANDOM * 3) }
  more = client(SERVERS, value_max_bytes: 4_000_000)
  raises("#{name}: the server refuses it too", Dalli::DalliError) { more.set('big', RANDOM * 3) }
  check("#{name}: and goes on", done?(more.set('big', 'v')) && more.get('big'), 'v')
  check("#{name}: a key of 400 bytes, hashed", done?(dc.set('k' * 400, 'long')), true)
  check("#{name}: its value", dc.get('k' * 400), 'long')
end

def administration(name, dc)
  check("#{name}: versions", dc.version.values.grep(/\A\d+\.\d+/).size, SERVERS.size)
  statistics = dc.stats
  check("#{name}: statistics of every server", statistics.size, SERVERS.size)
  check("#{name}: which count", statistics.values.sum { |s| s['cmd_set'].to_i } > 500, true)
  check("#{name}: stats items", dc.stats(:items).values.first.keys.grep(/\Aitems:/).any?, true)
  check("#{name}: flush", dc.flush_all.all?, true)
  check("#{name}: nothing is left", dc.get_multi('m300', 'm301', 'k'), {})
end

def everything(name, dc)
  [:values, :stores, :numbers, :uniques, :multis].each { |test| send(test, name, dc) }
end

def with_login
  user, password = ENV.values_at('SASL_USER', 'SASL_PASSWORD')
  everything('login', client(SERVERS, username: user, password: password))
  [[user, "x#{password}"], ['nobody', password], [nil, nil]].each do |name, secret|
    who = name ? "#{name} with #{secret}" : 'no login'
    dc = client(SERVERS.first(1), **(name ? { username: name, password: secret } : {}))
    got = begin
      dc.get('v0')
    rescue Dalli::DalliError
      'refused'
    end
    check("#{who}: sees nothing", got, 'refused')
  end
end

def without_login
  protocol = META ? 'meta' : 'binary'
  everything("#{protocol}, one server", client(SERVERS.first(1)))
  ring = client(SERVERS)
  everything("#{protocol}, ring", ring)
  [:times, :limits, :administration].each { |test| send(test, "#{protocol}, ring", ring) }
  everything("#{protocol}, namespace, compression",
             client(SERVERS, namespace: 'ns', compress: true, compression_min_size: 1000))
  socket = ENV['UNIX_SOCKET'] or return
  everything("#{protocol}, unix socket", client([socket]))
end

puts "Dalli #{Dalli::VERSION}"
ENV['SASL_USER'] && ENV['SASL_PASSWORD'] ? with_login : without_login
puts "#{$passed} checks passed, #{$failed} failed"
exit($failed.zero? && $passed.positive? ? 0 : 1)
